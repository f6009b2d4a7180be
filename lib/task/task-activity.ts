import { AsyncLocalStorage } from 'node:async_hooks';
import type { AttemptTimeout } from './attempt-timeout.js';
import { LazySignal } from './lazy-signal.js';
import type { Task } from './task.js';

const storage = new AsyncLocalStorage<TaskActivity>();

/**
 * What goes on for a task: an attempt, or its `onError`. Each has a signal of its own, and code that runs in it sees that
 * one: an attempt that ran out of time must not take the signal of the next for its own, and go on.
 */
export class TaskActivity extends LazySignal {
  /** The function was called, and has not been given up. */
  isRunning = false;
  /** The attempt's, when it has one. */
  timeout: AttemptTimeout | undefined;

  /** @param attempt from 1; none for `onError`. */
  constructor(
    readonly task: Task,
    readonly attempt?: number,
  ) {
    super();
  }
}

/** What runs here, if anything does. */
export function currentActivity(): TaskActivity | undefined {
  return storage.getStore();
}

/** Calls `func(task)` in the async context in which the task was scheduled, as part of the activity. */
export function runInActivity<R>(activity: TaskActivity, func: (task: Task) => R): R {
  return activity.task.scope.runInAsyncScope(enter<R>, undefined, activity, func);
}

function enter<R>(activity: TaskActivity, func: (task: Task) => R): R {
  // Lasts as long as the scope. Cheaper than run(), and than a closure for each task.
  storage.enterWith(activity);
  return func(activity.task);
}
