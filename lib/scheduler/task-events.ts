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

/** A {@link TaskEvent} in its parts: who listens for the library need not pay for an object each time. */
export type TaskListener = (type: TaskEventType, task: Task, reason: string, error: unknown) => void;

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
  private onFinish: ((task: Task) => void) | undefined;

  emit(type: TaskEventType, task: Task, reason: string, error?: unknown): void {
    this.counts[type] += 1;
    this.listener?.(type, task, reason, error);
    if (!this.isWatched) return;
    const { status } = task;
    const event: TaskEvent = { type, task, status, at: Date.now(), reason, ...(error !== undefined && { error }) };
    CHANNEL.publish(event);
    this.subject.next(event);
  }

  /** Somebody is told of each event, and takes time for it. */
  get isObserved(): boolean {
    return this.listener !== undefined || this.isWatched;
  }

  /** Nothing more will happen to the task but retries: before anybody who awaits its `done` goes on. */
  finish(task: Task): void {
    this.onFinish?.(task);
  }

  /** For what is part of the library: goes on after `events$` has completed, to the very end. */
  listen(listener: TaskListener, onFinish: (task: Task) => void): void {
    this.listener = listener;
    this.onFinish = onFinish;
  }

  complete(): void {
    this.subject.complete();
  }

  private get isWatched(): boolean {
    return this.subject.observed || CHANNEL.hasSubscribers;
  }
}
