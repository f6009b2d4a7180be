import type { Task } from '../task/task.js';
import { TaskPoolFullError } from '../task/task-errors.js';
import { Fifo } from './fifo.js';
import type { ResolvedTaskPoolOptions, TaskOverflow } from './task-pool-options.js';

/**
 * State of a pool.
 *
 * @publicApi
 */
export interface TaskPoolState {
  /** Maximum number of running tasks. */
  readonly concurrency: number;
  readonly running: number;
  readonly waiting: number;
  /**
   * Number of tasks that open requests hold for later. Where `maxQueue` is limited, they have their place in the queue.
   */
  readonly held: number;
  /** Maximum number of waiting tasks. */
  readonly maxQueue: number;
}

/** Starts a task. @param now the time, if known. @returns the time, if known. */
export type RunTask = (task: Task, now: number | undefined) => number | undefined;

/** Starts tasks in microtasks, first in first out, one for each slot. */
export class TaskPool {
  private readonly queue = new Fifo<Task>();
  private running = 0;
  /** Number of tasks beyond the limit, until as many have ended. */
  private surplus = 0;
  /** Number of tasks in batches with a place in the queue. */
  private reserved = 0;
  /** Number of tasks in the queue that will not run. */
  private stale = 0;
  private isDrainQueued = false;

  constructor(
    private readonly name: string,
    private readonly options: ResolvedTaskPoolOptions,
    private readonly run: RunTask,
  ) {}

  get state(): TaskPoolState {
    const { concurrency, maxQueue } = this.options;
    return { concurrency, running: this.running, waiting: this.waiting, held: this.reserved, maxQueue };
  }

  /** Policy for a refused task. */
  get overflow(): TaskOverflow {
    return this.options.overflow;
  }

  /**
   * Gives the task a place when it is scheduled, so that it is not lost after its route has succeeded.
   *
   * @returns the error of the refusal, if any.
   */
  admit(task: Task): TaskPoolFullError | undefined {
    const { concurrency, maxQueue, overflow } = this.options;
    if (maxQueue === Infinity) return undefined;
    const busy = this.running + this.waiting;
    // Held tasks keep no free slot: their requests may be open for long.
    const isFree = task.timing === 'immediate' && busy < concurrency;
    if (isFree || busy + this.reserved < concurrency + maxQueue) {
      task.state.reserve();
      this.reserved += 1;
      return undefined;
    }
    if (overflow !== 'run') return this.fullFor(task);
    task.state.overflow();
    return undefined;
  }

  /** Starts the task when a slot is free. A task beyond the limit makes a slot, for the longest-waiting task. */
  push(task: Task): void {
    const place = task.state.queue();
    if (place === 'beyond') this.surplus += 1;
    if (place === 'reserved') this.reserved -= 1;
    this.queue.push(task);
    this.queueDrain();
  }

  /** Gives back the place of a task that will not run. */
  leave(task: Task): void {
    const place = task.state.leavePool();
    if (place === 'reserved') this.reserved -= 1;
    if (place !== 'queue') return;
    // Drops cancelled tasks, with their arguments, before a slot is free: when they are half of the queue.
    this.stale += 1;
    if (this.stale * 2 <= this.queue.size) return;
    this.queue.keep(isDue);
    this.stale = 0;
  }

  /** Frees the slot of a task that has ended, or was given up. */
  release(): void {
    this.running -= 1;
    if (this.surplus > 0) this.surplus -= 1;
    if (this.queue.size > 0) this.queueDrain();
  }

  private get waiting(): number {
    return this.queue.size - this.stale;
  }

  private get slots(): number {
    return this.options.concurrency + this.surplus;
  }

  private fullFor(task: Task): TaskPoolFullError {
    // Tasks that the next microtask will start count as running.
    const starting = Math.min(this.waiting, Math.max(0, this.slots - this.running));
    return new TaskPoolFullError(task.label, this.name, {
      running: this.running + starting,
      waiting: this.waiting - starting,
      held: this.reserved,
    });
  }

  private queueDrain(): void {
    if (this.isDrainQueued || this.running >= this.slots) return;
    this.isDrainQueued = true;
    queueMicrotask(this.drain);
  }

  private readonly drain = (): void => {
    this.isDrainQueued = false;
    let now: number | undefined;
    while (this.running < this.slots) {
      const task = this.queue.shift();
      if (task === undefined) {
        this.surplus = 0; // no task is left to use it
        return;
      }
      if (!isDue(task)) {
        this.stale -= 1;
        continue;
      }
      task.state.leavePool();
      this.running += 1;
      now = this.run(task, now);
    }
  };
}

/** Tells if a queued task is still to run: neither it nor its retry was cancelled. */
export function isDue(task: Task): boolean {
  const { state } = task; // not in the parameters: declarations would show the internal state
  return state.hasEnded ? state.isRetrying && !state.isInvoked : true;
}
