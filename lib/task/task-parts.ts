import type { ContextId } from '@nestjs/core';
import type { ExecutionOutcome, TaskTiming } from './task-outcome.js';
import type { TaskPerpetual } from './task-perpetual.js';
import type { TaskProgress } from './task-progress.js';
import type { TaskRetry } from './task-retry.js';

/**
 * A function that can be scheduled: sync or async, with any arguments.
 *
 * @publicApi
 */
export type TaskFunction<A extends unknown[], R> = (...args: A) => R;

/**
 * A module whose function is to run in a worker thread.
 *
 * @publicApi
 */
export interface ThreadFunctionOptions {
  /** As a URL, which `new URL('./thumbnail.js', import.meta.url)` makes, or an absolute path. What Node can import. */
  readonly file: URL | string;
  /** Which of its exports. Default `'default'`. */
  readonly export?: string | undefined;
}

/** What a task does: call a function here, or one in a thread. */
export type TaskWork = ((...args: never[]) => unknown) | ThreadFunctionOptions;

/** The request in which a task was scheduled, as far as those who run it need to know. */
export interface TaskOrigin {
  /** Shutdown leaves the tasks of a request in flight alone. */
  readonly isEnded: boolean;
  /** Finds the request's own instances of request-scoped providers. */
  readonly contextId: ContextId | undefined;
  /** The handler's call that holds the task runs here and has not ended. */
  readonly isCallerOpen: boolean;
}

/** The run of a durable execution that a task is, as far as those who run it need to know. */
export interface TaskRun {
  /** Of the durable task. */
  readonly taskName: string;
  readonly key: string;
  /** The worker that runs it. */
  readonly worker: string;
  /** From 1. */
  readonly attempt: number;
  readonly progress: TaskProgress;
  /** When the next attempt is due, if this one fails. */
  readonly retry: TaskRetry;
  /** Of a perpetual task. */
  readonly perpetual: TaskPerpetual | undefined;
  /** Of those that it has waited for. */
  readonly outcomes: readonly ExecutionOutcome[];
  /** Whether another attempt will follow a failure: `onError` is for the last. */
  willRetry(error: unknown): boolean;
  /** The function goes on, but nothing waits for it any more: it has had its time, or did not stop when cancelled. */
  giveUp(): void;
  /** The function that was given up has ended after all. */
  unwind(): void;
}

/** Origin of a task: code of the user, the library when it adds a durable task, or a durable execution that runs. */
export type TaskKind = 'user' | 'enqueue' | 'run';

/** Where tasks are scheduled: one object for all tasks of a place. */
export interface TaskPlace {
  readonly timing: TaskTiming;
  readonly origin: TaskOrigin | undefined;
  /** Only tasks of the user are in a pool. */
  readonly kind: TaskKind;
}

/** A function, and what it is called with and on. */
export interface TaskCall {
  readonly func: (...args: never[]) => unknown;
  readonly args: readonly unknown[];
  /** The provider that an unbound method runs on, looked up when it starts. */
  readonly host: (() => object) | undefined;
}
