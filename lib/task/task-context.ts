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
  return requireActivity().task;
}

function requireActivity(): TaskActivity<Task> {
  const activity = currentActivity<Task>();
  if (activity === undefined) throw new NoActiveTaskError();
  return activity;
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
    return currentActivity() !== undefined;
  }

  /** The running task. */
  get task(): Task {
    return currentTask();
  }

  /** That of what runs here: the attempt, or the `onError`. */
  get signal(): AbortSignal {
    return requireActivity().signal;
  }

  /** The attempt that runs here, from 1; in `onError` the latest. */
  get attempt(): number {
    const { attempt, task } = requireActivity();
    return attempt ?? task.attempt;
  }

  /** How long the attempt that runs here may still take. */
  get timeout(): TaskTimeout {
    return requireActivity().timeout ?? NO_TIMEOUT;
  }

  /**
   * The key of the durable execution that runs here.
   *
   * @throws {TasksUsageError} `NOT_DURABLE` in a task that runs only in this process. In all members that follow.
   */
  get key(): string {
    return requireRun('key').key;
  }

  /** Tells how far the run has come: `execution.progress` and `events$` show it in any process. */
  get progress(): TaskProgress {
    return requireRun('progress').progress;
  }

  /** Decides when the next attempt is due, if this one fails: what a `Retry-After` header asks for. */
  get retry(): TaskRetry {
    return requireRun('retry').retry;
  }

  /**
   * What follows this run of a perpetual task.
   *
   * @throws {TasksUsageError} `NOT_PERPETUAL` where the task is not perpetual.
   */
  get perpetual(): TaskPerpetual {
    const { perpetual } = requireRun('perpetual');
    if (perpetual === undefined) throw notPerpetual(currentTask().label);
    return perpetual;
  }

  /** How those have ended that the execution was to follow, in the order in which `queue.after()` had them. */
  get outcomes(): readonly ExecutionOutcome[] {
    return requireRun('outcomes').outcomes;
  }

  /**
   * A logger whose lines carry the task: its name and id; of a durable execution its name, key, attempt and worker.
   */
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
