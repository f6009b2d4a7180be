import type { LogLevel } from '@nestjs/common';
import type { ContextId } from '@nestjs/core';
import type { ExecutionOutcome, TaskTiming } from './task-outcome.js';
import type { TaskPerpetual } from './task-perpetual.js';
import type { TaskProgress } from './task-progress.js';
import type { TaskRetry } from './task-retry.js';

/**
 * Function that can be scheduled: sync or async, with any arguments.
 *
 * @publicApi
 */
export type TaskFunction<A extends unknown[], R> = (...args: A) => R;

/**
 * Module whose function runs in a worker thread.
 *
 * @publicApi
 */
export interface ThreadFunctionOptions {
  /** URL, as from `new URL('./thumbnail.js', import.meta.url)`, or absolute path of a module that Node can import. */
  readonly file: URL | string;
  /** Name of the export. Default `'default'`. */
  readonly export?: string | undefined;
}

/** Work of a task: a function here, or one in a thread. */
export type TaskWork = ((...args: never[]) => unknown) | ThreadFunctionOptions;

/** Request in which a task was scheduled, as far as the scheduler needs to know. */
export interface TaskOrigin {
  /** True after the request. Shutdown leaves the tasks of a request in flight alone. */
  readonly isEnded: boolean;
  /** Key of the request's own instances of request-scoped providers. */
  readonly contextId: ContextId | undefined;
  /** True where the current code runs in the handler's call that holds the task, and the call has not ended. */
  readonly isCallerOpen: boolean;
}

/** Lines of a run that are kept with its execution. */
export interface TaskLines {
  /** @param message first argument of the logger's method. Never throws. */
  add(level: LogLevel, message: unknown): void;
}

/** Run of a durable execution, as far as the scheduler needs to know. */
export interface TaskRun {
  /** Name of the durable task. */
  readonly taskName: string;
  readonly key: string;
  /** Id of the execution. */
  readonly executionId: string;
  /** Name of the queue. */
  readonly queue: string;
  /** Name of the worker that runs it. */
  readonly worker: string;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Nothing where none are kept. */
  readonly logs: TaskLines | undefined;
  readonly progress: TaskProgress;
  /** Delay of the next attempt, if this one fails. */
  readonly retry: TaskRetry;
  /** Next run of a perpetual task. */
  readonly perpetual: TaskPerpetual | undefined;
  /** Outcomes of the executions that it has waited for. */
  readonly outcomes: readonly ExecutionOutcome[];
  /** Decides if another attempt follows a failure: `onError` is for the last one. */
  willRetry(error: unknown): boolean;
  /** Stops waiting for a function that still runs: its time is over, or it did not stop when cancelled. */
  giveUp(): void;
  /** Reports the late end of a function that was given up. */
  unwind(): void;
}

/** Origin of a task: code of the user, the library when it adds a durable task, or a durable execution that runs. */
export type TaskKind = 'user' | 'enqueue' | 'run';

/** Place where tasks are scheduled: one object for all tasks of a place. */
export interface TaskPlace {
  readonly timing: TaskTiming;
  readonly origin: TaskOrigin | undefined;
  /** Kind of the tasks. Only tasks of the user are in a pool. */
  readonly kind: TaskKind;
}

/** Function with its arguments and its `this`. */
export interface TaskCall {
  readonly func: (...args: never[]) => unknown;
  readonly args: readonly unknown[];
  /** Looks up the provider that an unbound method runs on, when the task starts. */
  readonly host: (() => object) | undefined;
}
