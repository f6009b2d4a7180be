import diagnosticsChannel from 'node:diagnostics_channel';
import type { Type } from '@nestjs/common';
import { TASK_CHANNEL, type TaskEvent } from '../scheduler/task-events.js';
import type { OpenTasks } from '../scheduler/open-tasks.js';
import { TasksShutdown } from '../scheduler/tasks-shutdown.js';
import type { Task } from '../task/task.js';

/**
 * What shutdown has made of the tasks that it found, and of those that were scheduled while it went on. Each is in one
 * list at most; an unshielded one that ended by itself in time is in none.
 *
 * @publicApi
 */
export interface ShutdownReport {
  /** Shielded: shutdown has waited for their end, whatever that was. */
  readonly awaited: readonly Task[];
  /** Their signal was aborted, and they stopped, or never started. */
  readonly cancelled: readonly Task[];
  /** Their signal was aborted, and they did not stop within the grace period. */
  readonly abandoned: readonly Task[];
  /** Shielded, and still running when the time of `shutdown.timeout` was over. */
  readonly left: readonly Task[];
  /** Held by a request, or scheduled, when it was too late. */
  readonly discarded: readonly Task[];
}

/** The phases of a shutdown as far as tasks are concerned, in an application that goes on. */
export class TestShutdown {
  readonly #tasks: Set<Task>;
  readonly #abandoned = new Set<Task>();

  constructor(
    private readonly shutdown: TasksShutdown,
    private readonly openTasks: OpenTasks,
  ) {
    this.#tasks = new Set(openTasks);
  }

  /** @param untilServed waits for the requests in flight, as Nest does: false when they take too long. */
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

  /** On the channel there are the tasks of other applications, too. */
  readonly #note = (message: unknown): void => {
    const { type, task } = message as TaskEvent;
    if (type === 'scheduled' && [...this.openTasks].includes(task)) this.#tasks.add(task);
    if (type === 'abandoned') this.#abandoned.add(task);
  };
}

/** What replaces TasksShutdown. @param gracePeriod in milliseconds, where it is not to be the application's. */
export function shutdownWithin(gracePeriod: () => number | undefined): Type<TasksShutdown> {
  return class extends TasksShutdown {
    protected override get gracePeriod(): number {
      return gracePeriod() ?? super.gracePeriod;
    }
  };
}
