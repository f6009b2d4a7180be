import { Injectable, type Logger } from '@nestjs/common';
import { NO_TIMEOUT, type TaskTimeout } from './attempt-timeout.js';
import { currentActivity, type TaskActivity } from './task-activity.js';
import { NoActiveTaskError } from './task-errors.js';
import { notDurable, notPerpetual } from './usage-errors.js';
import { createTaskLogger } from './task-logger.js';
import type { ExecutionOutcome } from './task-outcome.js';
import type { TaskRun } from './task-parts.js';
import type { TaskPerpetual } from './task-perpetual.js';
import type { TaskProgress } from './task-progress.js';
import type { TaskRetry } from './task-retry.js';
import type { Task } from './task.js';

/**
 * Returns the running task: in its function, its `onError` and everything that they call.
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
  return requireActivity().task;
}

function requireActivity(): TaskActivity<Task> {
  const activity = currentActivity<Task>();
  if (activity === undefined) throw new NoActiveTaskError();
  return activity;
}

/**
 * Access to the running task, injectable anywhere. A singleton: every use looks the task up in the async context.
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

  /** True inside a task. Outside, all other members throw {@link NoActiveTaskError}. */
  get isActive(): boolean {
    return currentActivity() !== undefined;
  }

  /** Running task. */
  get task(): Task {
    return currentTask();
  }

  /** Signal of the current attempt, or of the running `onError`. */
  get signal(): AbortSignal {
    return requireActivity().signal;
  }

  /** Number of the current attempt, from 1; in `onError` the latest. */
  get attempt(): number {
    const { attempt, task } = requireActivity();
    return attempt ?? task.attempt;
  }

  /** Time limit of the current attempt. */
  get timeout(): TaskTimeout {
    return requireActivity().timeout ?? NO_TIMEOUT;
  }

  /**
   * Key of the running durable execution.
   *
   * @throws {TasksUsageError} `NOT_DURABLE` in a task that runs only in this process; so do the members below.
   */
  get key(): string {
    return requireRun('key').key;
  }

  /** Reports the progress of the run: `execution.progress` and `events$` show it in any process. */
  get progress(): TaskProgress {
    return requireRun('progress').progress;
  }

  /** Sets the delay of the next attempt if this one fails, for example from a `Retry-After` header. */
  get retry(): TaskRetry {
    return requireRun('retry').retry;
  }

  /**
   * Controls the next run of a perpetual task.
   *
   * @throws {TasksUsageError} `NOT_PERPETUAL` where the task is not perpetual.
   */
  get perpetual(): TaskPerpetual {
    const { perpetual } = requireRun('perpetual');
    if (perpetual === undefined) throw notPerpetual(currentTask().label);
    return perpetual;
  }

  /** Outcomes of the executions passed to `queue.after()`, in that order. */
  get outcomes(): readonly ExecutionOutcome[] {
    return requireRun('outcomes').outcomes;
  }

  /** Logger whose lines carry the task's name and id; for a durable execution its name, key, attempt and worker. */
  get logger(): Logger {
    const task = currentTask();
    let logger = this.loggers.get(task);
    if (logger === undefined) this.loggers.set(task, (logger = createTaskLogger(task)));
    return logger;
  }
}

function requireRun(member: string): TaskRun {
  const task = currentTask();
  if (task.run === undefined) throw notDurable(task.label, member);
  return task.run;
}
