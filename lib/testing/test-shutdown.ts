import diagnosticsChannel from 'node:diagnostics_channel';
import type { Type } from '@nestjs/common';
import { TASK_CHANNEL, type TaskEvent } from '../scheduler/task-events.js';
import type { OpenTasks } from '../scheduler/open-tasks.js';
import { TasksShutdown } from '../scheduler/tasks-shutdown.js';
import type { Task } from '../task/task.js';

/**
 * Report of a shutdown: the tasks that it found, and those that were scheduled meanwhile. Each task is in at most one
 * list; an unshielded one that ended by itself in time is in none.
 *
 * @publicApi
 */
export interface ShutdownReport {
  /** Shielded tasks whose end shutdown has awaited, with any outcome. */
  readonly awaited: readonly Task[];
  /** Tasks whose signal was aborted, and that stopped, or never started. */
  readonly cancelled: readonly Task[];
  /** Tasks whose signal was aborted, and that did not stop within the grace period. */
  readonly abandoned: readonly Task[];
  /** Shielded tasks that still ran at the end of `shutdown.timeout`. */
  readonly left: readonly Task[];
  /** Tasks that were held by a request, or scheduled, too late. */
  readonly discarded: readonly Task[];
}

/** Phases of a shutdown for tasks, in an application that continues. */
export class TestShutdown {
  readonly #tasks: Set<Task>;
  readonly #abandoned = new Set<Task>();

  constructor(
    private readonly shutdown: TasksShutdown,
    private readonly openTasks: OpenTasks,
  ) {
    this.#tasks = new Set(openTasks);
  }

  /**
   * Runs the phases. @param untilServed waits for the requests in flight, as Nest does: false when they take too long.
   */
  async run(untilServed: () => Promise<boolean>): Promise<void> {
    diagnosticsChannel.subscribe(TASK_CHANNEL, this.#note);
    try {
      await this.shutdown.onModuleDestroy();
      this.shutdown.beforeApplicationShutdown();
      if (await untilServed()) await this.shutdown.onApplicationShutdown();
    } finally {
      diagnosticsChannel.unsubscribe(TASK_CHANNEL, this.#note);
    }
  }

  get report(): ShutdownReport {
    const report = {
      awaited: [] as Task[],
      cancelled: [] as Task[],
      abandoned: [] as Task[],
      left: [] as Task[],
      discarded: [] as Task[],
    };
    for (const task of this.#tasks) {
      const fate = this.#fateOf(task);
      if (fate !== undefined) report[fate].push(task);
    }
    return report;
  }

  #fateOf(task: Task): keyof ShutdownReport | undefined {
    if (task.status === 'discarded') return 'discarded';
    if (this.#abandoned.has(task)) return 'abandoned';
    if (task.state.cancellation?.reason === 'shutdown') return 'cancelled';
    if (!task.shielded) return undefined;
    return task.state.isFinished && !task.state.isRetrying ? 'awaited' : 'left';
  }

  /** Collects tasks of the channel, which carries those of other applications too. */
  readonly #note = (message: unknown): void => {
    const { type, task } = message as TaskEvent;
    if (type === 'scheduled' && [...this.openTasks].includes(task)) this.#tasks.add(task);
    if (type === 'abandoned') this.#abandoned.add(task);
  };
}

/** Creates the class that replaces TasksShutdown. @param gracePeriod in milliseconds, to override the application's. */
export function shutdownWithin(gracePeriod: () => number | undefined): Type<TasksShutdown> {
  return class extends TasksShutdown {
    protected override get gracePeriod(): number {
      return gracePeriod() ?? super.gracePeriod;
    }
  };
}
