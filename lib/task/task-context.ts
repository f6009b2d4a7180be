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

/** Calls `func` as part of `task`: in the async context in which it was scheduled, and as the current task. */
export function runInTask<A extends unknown[], R>(task: Task, func: (...args: A) => R, ...args: A): R {
  return task.scope.runInAsyncScope(() => {
    // Lasts as long as the scope; cheaper than run(), which would need a second closure.
    storage.enterWith(task);
    return func(...args);
  });
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
