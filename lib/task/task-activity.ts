import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { AttemptTimeout } from './attempt-timeout.js';

const SCOPE_OPTIONS = { requireManualDestroy: true };

/** Empty async context, made at the first import, before any request. */
const ROOT = newScope();

const storage = new AsyncLocalStorage<TaskActivity | undefined>();

/** Task, as far as its activities know it. */
export interface ActiveTask {
  /** Async context of the runs. */
  readonly scope: AsyncResource;
  /** Name and id for messages. */
  readonly label: string;
}

/**
 * Attempt of a task, or its `onError`. Every activity has its own signal, and its code sees that signal. An attempt
 * that ran out of time must not continue on the signal of the next.
 */
export class TaskActivity<T extends ActiveTask = ActiveTask> {
  readonly task: T;
  /** Number from 1; undefined for `onError`. */
  readonly attempt: number | undefined;
  /** True from the call of the function until its end, or until it is given up. */
  isRunning = false;
  /** Timeout of the attempt, if it has one. */
  timeout: AttemptTimeout | undefined = undefined;

  private controller: AbortController | undefined = undefined;
  private reason: Error | undefined = undefined;

  constructor(task: T, attempt: number | undefined) {
    this.task = task;
    this.attempt = attempt;
  }

  /** Signal, made at its first use: on Node 20, making one costs more than all the rest of a task. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.reason !== undefined) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  /** Aborts the signal with the first reason. Its listeners run in the activity, regardless of the caller. */
  abort(reason: Error): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    if (this.controller !== undefined) this.task.scope.runInAsyncScope(abortWithin, undefined, this, this.controller);
  }

  /** @internal */
  get abortReason(): Error | undefined {
    return this.reason;
  }
}

/** Returns the activity of the current async context. */
export function currentActivity<T extends ActiveTask>(): TaskActivity<T> | undefined {
  return storage.getStore() as TaskActivity<T> | undefined;
}

/** Calls `func(activity, arg)` in the async context in which the task was scheduled, as part of the activity. */
export function runInActivity<T extends ActiveTask, A, R>(
  activity: TaskActivity<T>,
  func: (activity: TaskActivity<T>, arg: A) => R,
  arg: A,
): R {
  return activity.task.scope.runInAsyncScope(enter<T, A, R>, undefined, activity, func, arg);
}

/**
 * Creates the async context for the runs of a task: the caller's, or an empty one. The caller's activity is left out:
 * Node 24 keeps a context as a whole, and a chain of tasks would keep all of its predecessors.
 */
export function createScope(asyncContext: 'none' | undefined): AsyncResource {
  if (asyncContext === 'none') return ROOT.runInAsyncScope(newScope);
  return storage.getStore() === undefined ? newScope() : storage.run(undefined, newScope);
}

/** Calls `func` in an empty async context. */
export function inEmptyContext<R>(func: () => R): R {
  return ROOT.runInAsyncScope(func);
}

/** Creates a scope at a tenth of the cost of `AsyncLocalStorage.snapshot()`. */
function newScope(): AsyncResource {
  return new AsyncResource('Task', SCOPE_OPTIONS);
}

function enter<T extends ActiveTask, A, R>(
  activity: TaskActivity<T>,
  func: (activity: TaskActivity<T>, arg: A) => R,
  arg: A,
): R {
  // Lasts as long as the scope. Cheaper than run(), and than a closure for every task.
  storage.enterWith(activity as TaskActivity<never>);
  return func(activity, arg);
}

function abortWithin(activity: TaskActivity, controller: AbortController): void {
  // Not enterWith(): on Node 20 it would outlast the call when a task aborts itself.
  storage.run(activity, () => controller.abort(activity.abortReason));
}
