import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { AttemptTimeout } from './attempt-timeout.js';

const SCOPE_OPTIONS = { requireManualDestroy: true };

/** Of the first import, before any request. */
const ROOT = newScope();

const storage = new AsyncLocalStorage<TaskActivity | undefined>();

/** A task, as far as its activities know it. */
export interface ActiveTask {
  /** Async context of its runs. */
  readonly scope: AsyncResource;
  /** Name and id for messages. */
  readonly label: string;
}

/**
 * What goes on for a task: an attempt, or its `onError`. Each has a signal of its own, and code that runs in it sees that
 * one: an attempt that ran out of time must not take the signal of the next for its own, and go on.
 */
export class TaskActivity<T extends ActiveTask = ActiveTask> {
  readonly task: T;
  /** From 1; none for `onError`. */
  readonly attempt: number | undefined;
  /** The function was called, and has not been given up. */
  isRunning = false;
  /** The attempt's, when it has one. */
  timeout: AttemptTimeout | undefined = undefined;

  private controller: AbortController | undefined = undefined;
  private reason: Error | undefined = undefined;

  constructor(task: T, attempt: number | undefined) {
    this.task = task;
    this.attempt = attempt;
  }

  /** Made when somebody reads it: on Node 20, making one costs more than all the rest of a task. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.reason !== undefined) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  /** Aborts the signal. Its listeners run in the activity, whoever aborts it. The first reason counts. */
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

/** What runs here, if anything does. */
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
 * Async context for the runs of a task: that of the caller, or an empty one. Without the activity that runs there: Node 24
 * keeps a context as a whole, and a task that schedules its next would keep all that came before.
 */
export function createScope(asyncContext: 'none' | undefined): AsyncResource {
  if (asyncContext === 'none') return ROOT.runInAsyncScope(newScope);
  return storage.getStore() === undefined ? newScope() : storage.run(undefined, newScope);
}

/** Costs a tenth of `AsyncLocalStorage.snapshot()`. */
function newScope(): AsyncResource {
  return new AsyncResource('Task', SCOPE_OPTIONS);
}

function enter<T extends ActiveTask, A, R>(
  activity: TaskActivity<T>,
  func: (activity: TaskActivity<T>, arg: A) => R,
  arg: A,
): R {
  // Lasts as long as the scope. Cheaper than run(), and than a closure for each task.
  storage.enterWith(activity as TaskActivity<never>);
  return func(activity, arg);
}

function abortWithin(activity: TaskActivity, controller: AbortController): void {
  // Not enterWith(): on Node 20 it would last beyond the call for a task that aborts itself.
  storage.run(activity, () => controller.abort(activity.abortReason));
}
