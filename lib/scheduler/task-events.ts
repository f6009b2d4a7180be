import diagnosticsChannel from 'node:diagnostics_channel';
import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import type { TaskStatus } from '../task/task-outcome.js';
import type { Task } from '../task/task.js';

/**
 * What happened to a task. `abandoned`: it was cancelled and did not stop in time, or its `onError` did not;
 * `retried`, `retrySucceeded` and `retryFailed` leave its status as it is.
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
 * One transition of one task.
 *
 * @publicApi
 */
export interface TaskEvent {
  readonly type: TaskEventType;
  readonly task: Task;
  /** The task's status right after the transition. */
  readonly status: TaskStatus;
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /** Why, such as `afterRoute`, `route failed`, `timeout` or `shutdown`. */
  readonly reason: string;
  /** What the task failed with, was cancelled with or was discarded with. */
  readonly error?: unknown;
}

/**
 * How often each transition has happened since the application started.
 *
 * @publicApi
 */
export type TaskCounts = Readonly<Record<TaskEventType, number>>;

/**
 * The channel of `node:diagnostics_channel` on which each {@link TaskEvent} is published, of all applications of the
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

/** Part of the library that is told of each {@link TaskEvent}, in its parts: an object each time would cost. */
export interface TaskListener {
  /** Whether it wants to hear of what happens, asked before tasks start. */
  readonly isActive: boolean;
  hear(type: TaskEventType, task: Task, reason: string, error: unknown): void;
  /** Nothing more will happen to the task but retries: before anybody who awaits its `done` goes on. */
  finish(task: Task): void;
}

/** Tells whoever watches what happens to tasks, and counts it. */
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
   * Something is about to happen to tasks: asks whether the listener wants to hear of it. Once for all tasks that start
   * together, because asking OpenTelemetry whether it has an SDK by now costs a tenth of a task.
   */
  attend(): void {
    this.isHeard = this.listener?.isActive === true;
  }

  /** Somebody is told of each event, and takes time for it. */
  get isObserved(): boolean {
    return this.isHeard || this.isWatched;
  }

  finish(task: Task): void {
    if (this.isHeard) this.listener?.finish(task);
  }

  /** For what is part of the library: goes on after `events$` has completed, to the very end. */
  listen(listener: TaskListener): void {
    this.listener = listener;
  }

  complete(): void {
    this.subject.complete();
  }

  private count(type: TaskEventType): void {
    const { counts } = this;
    // Those of nearly all tasks by name: V8 finds a property slower by a variable.
    if (type === 'scheduled') counts.scheduled += 1;
    else if (type === 'started') counts.started += 1;
    else if (type === 'succeeded') counts.succeeded += 1;
    else counts[type] += 1;
  }

  private get isWatched(): boolean {
    return this.subject.observed || CHANNEL.hasSubscribers;
  }
}
