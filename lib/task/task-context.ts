import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Logger } from '@nestjs/common';
import type { Task } from './task.js';
import { NoActiveTaskError } from './task-errors.js';

const storage = new AsyncLocalStorage<Task>();

/**
 * The task that runs here: in its function, its `onError` and everything that they call.
 *
 * @throws {NoActiveTaskError} outside a task.
 * @example
 * ```ts
 * const { signal } = currentTask();
 * await fetch(url, { signal });
 * ```
 * @publicApi
 */
export function currentTask(): Task {
  const task = storage.getStore();
  if (task === undefined) throw new NoActiveTaskError();
  return task;
}

/** Calls `func(task)` as part of the task: in the async context in which it was scheduled, and as the current task. */
export function runInTask<R>(task: Task, func: (task: Task) => R): R {
  return task.scope.runInAsyncScope(enter<R>, undefined, task, func);
}

function enter<R>(task: Task, func: (task: Task) => R): R {
  // Lasts as long as the scope. Cheaper than run(), and than a closure for each task.
  storage.enterWith(task);
  return func(task);
}

/**
 * The running task, injectable anywhere. A singleton: it looks the task up in the async context at each use.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class ReportTasks {
 *   constructor(private readonly context: TaskContext) {}
 *   async build(id: string) {
 *     for (const page of await this.pages(id)) {
 *       this.context.signal.throwIfAborted();
 *       this.context.logger.debug(`page ${page}`);
 *     }
 *   }
 * }
 * ```
 * @publicApi
 */
@Injectable()
export class TaskContext {
  private readonly loggers = new WeakMap<Task, Logger>();

  /** Whether a task runs here. All other members throw {@link NoActiveTaskError} where none does. */
  get isActive(): boolean {
    return storage.getStore() !== undefined;
  }

  /** The running task. */
  get task(): Task {
    return currentTask();
  }

  /** Its signal, see {@link Task.signal}. */
  get signal(): AbortSignal {
    return currentTask().signal;
  }

  /** Its attempt, from 1. */
  get attempt(): number {
    return currentTask().attempt;
  }

  /** A logger whose context is the task's name and id. */
  get logger(): Logger {
    const task = currentTask();
    let logger = this.loggers.get(task);
    if (logger === undefined) this.loggers.set(task, (logger = new Logger(task.label)));
    return logger;
  }
}
