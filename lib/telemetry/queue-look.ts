import { Injectable } from '@nestjs/common';
import type { QueueStats } from '../queue/queue-stats.js';
import { TaskQueue } from '../queue/task-queue.js';

/** Age from which what was seen is not told any more, in milliseconds. */
const LONGEST_AGE = 60_000;

/** Looks at the queue for those who ask often: one look for all. */
@Injectable()
export class QueueLook {
  private seen: { readonly stats: QueueStats; readonly at: number } | undefined;
  private looking: Promise<QueueStats> | undefined;

  constructor(private readonly queue: TaskQueue) {}

  /** Looks, unless that was done less than `age` milliseconds ago. */
  async stats(age: number): Promise<QueueStats> {
    if (this.seen !== undefined && performance.now() - this.seen.at < age) return this.seen.stats;
    this.looking ??= this.look().finally(() => (this.looking = undefined));
    return this.looking;
  }

  /**
   * Returns what was seen last, and looks again for the next call where that is older than `age` milliseconds: who asks for
   * the health of a process must not wait for the broker.
   */
  last(age: number): QueueStats | undefined {
    this.stats(age).catch(() => {}); // the worker tells of an outage
    const { seen } = this;
    return seen !== undefined && performance.now() - seen.at < LONGEST_AGE ? seen.stats : undefined;
  }

  private async look(): Promise<QueueStats> {
    const at = performance.now();
    const stats = await this.queue.stats();
    this.seen = { stats, at };
    return stats;
  }
}
