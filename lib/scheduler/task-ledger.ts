import { Injectable } from '@nestjs/common';
import type { Task } from '../task/task.js';

interface Watch {
  readonly waitingFor: Set<Task>;
  readonly resolve: () => void;
}

/** Every task that has not finished: held in a batch, waiting, running, handled by its `onError`, or retried. */
@Injectable()
export class TaskLedger implements Iterable<Task> {
  private readonly tasks = new Set<Task>();
  private readonly watches = new Set<Watch>();
  private idleWaiters: (() => void)[] = [];

  [Symbol.iterator](): Iterator<Task> {
    return this.tasks.values();
  }

  add(task: Task): void {
    this.tasks.add(task);
  }

  delete(task: Task): void {
    this.tasks.delete(task);
    for (const watch of this.watches) {
      if (watch.waitingFor.delete(task) && watch.waitingFor.size === 0) watch.resolve();
    }
    if (this.tasks.size === 0) this.tellIdle();
  }

  /** Resolves when no task is left. */
  idle(): Promise<void> {
    if (this.tasks.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /**
   * Waits until `tasks` have finished, at most `limit` milliseconds where one is given.
   *
   * @returns those that have not.
   */
  async gone(tasks: Iterable<Task>, limit?: number): Promise<Task[]> {
    const waitingFor = new Set(tasks);
    if (waitingFor.size === 0) return [];
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const watch: Watch = {
        waitingFor,
        resolve: () => {
          this.watches.delete(watch);
          resolve();
        },
      };
      this.watches.add(watch);
      if (limit !== undefined) timer = setTimeout(watch.resolve, limit);
    });
    clearTimeout(timer);
    return [...waitingFor];
  }

  private tellIdle(): void {
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
