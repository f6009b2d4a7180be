import diagnosticsChannel from 'node:diagnostics_channel';
import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import type { TaskStatus } from '../task/task-outcome.js';
import type { Task } from '../task/task.js';

/**
 * Transition of a task. `abandoned`: it was cancelled and did not stop in time, or its `onError` did not; `retried`,
 * `retrySucceeded` and `retryFailed` leave its status unchanged.
 *
 * @publicApi
 */
export type TaskEventType =
  | 'scheduled'
  | 'started'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'discarded'
  | 'abandoned'
  | 'retried'
  | 'retrySucceeded'
  | 'retryFailed';

/**
 * Event for one transition of one task.
 *
 * @publicApi
 */
export interface TaskEvent {
  readonly type: TaskEventType;
  readonly task: Task;
  /** Status right after the transition. */
  readonly status: TaskStatus;
  /** Time in milliseconds since the epoch. */
  readonly at: number;
  /** Reason, such as `afterRoute`, `route failed`, `timeout` or `shutdown`. */
  readonly reason: string;
  /** Error with which the task failed, was cancelled or was discarded. */
  readonly error?: unknown;
}

/**
 * Number of each transition since the application started.
 *
 * @publicApi
 */
export type TaskCounts = Readonly<Record<TaskEventType, number>>;

/**
 * Channel of `node:diagnostics_channel` on which each {@link TaskEvent} is published, for all applications of the
 * process.
 *
 * @example
 * ```ts
 * diagnosticsChannel.subscribe(TASK_CHANNEL, (event) => apm.record(event as TaskEvent));
 * ```
 * @publicApi
 */
export const TASK_CHANNEL = 'nestjs-tasks.task';

const CHANNEL = diagnosticsChannel.channel(TASK_CHANNEL);

/** Listener inside the library, called with the parts of each {@link TaskEvent}: an object each time would cost. */
export interface TaskListener {
  /** True if it listens, read before tasks start. */
  readonly isActive: boolean;
  hear(type: TaskEventType, task: Task, reason: string, error: unknown): void;
  /** Reports the last event before retries: before code that awaits `done` continues. */
  finish(task: Task): void;
}

/** Publishes and counts the transitions of tasks. */
@Injectable()
export class TaskEvents {
  readonly counts: Record<TaskEventType, number> = {
    scheduled: 0,
    started: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    discarded: 0,
    abandoned: 0,
    retried: 0,
    retrySucceeded: 0,
    retryFailed: 0,
  };

  private readonly subject = new Subject<TaskEvent>();
  readonly events$: Observable<TaskEvent> = this.subject.asObservable();
  private listener: TaskListener | undefined;
  private isHeard = false;

  emit(type: TaskEventType, task: Task, reason: string, error?: unknown): void {
    this.count(type);
    if (this.isHeard) this.listener?.hear(type, task, reason, error);
    if (!this.isWatched) return;
    const { status } = task;
    const event: TaskEvent = { type, task, status, at: Date.now(), reason, ...(error !== undefined && { error }) };
    CHANNEL.publish(event);
    this.subject.next(event);
  }

  /**
   * Asks the listener once for all tasks that start together: asking OpenTelemetry for an SDK costs a tenth of a task.
   */
  attend(): void {
    this.isHeard = this.listener?.isActive === true;
  }

  /** True if events have subscribers, whose time counts. */
  get isObserved(): boolean {
    return this.isHeard || this.isWatched;
  }

  finish(task: Task): void {
    if (this.isHeard) this.listener?.finish(task);
  }

  /** Adds a listener of the library, called also after `events$` has completed. */
  listen(listener: TaskListener): void {
    this.listener = listener;
  }

  complete(): void {
    this.subject.complete();
  }

  private count(type: TaskEventType): void {
    const { counts } = this;
    // The most frequent ones by name: V8 finds a property by a variable more slowly.
    if (type === 'scheduled') counts.scheduled += 1;
    else if (type === 'started') counts.started += 1;
    else if (type === 'succeeded') counts.succeeded += 1;
    else counts[type] += 1;
  }

  private get isWatched(): boolean {
    return this.subject.observed || CHANNEL.hasSubscribers;
  }
}
