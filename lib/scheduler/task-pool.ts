import type { Task } from '../task/task.js';
import { TaskPoolFullError } from '../task/task-errors.js';
import { Fifo } from './fifo.js';
import type { ResolvedTaskPoolOptions, TaskOverflow } from './task-pool-options.js';

/**
 * How full a pool is.
 *
 * @publicApi
 */
export interface TaskPoolState {
  /** How many may run at once. */
  readonly concurrency: number;
  readonly running: number;
  readonly waiting: number;
  /** How many open requests hold for later. Where `maxQueue` is limited, they have their place among those that wait. */
  readonly held: number;
  /** How many may wait. */
  readonly maxQueue: number;
}

/** Starts a task. @param now the time, where it is known. @returns the time, where it is known. */
export type RunTask = (task: Task, now: number | undefined) => number | undefined;

/** Starts tasks in microtasks, first in first out, as many at once as it has slots. */
export class TaskPool {
  private readonly queue = new Fifo<Task>();
  private running = 0;
  /** How many may run beyond the limit, until as many have ended. */
  private surplus = 0;
  /** How many tasks that batches hold have a place in the queue. */
  private reserved = 0;
  /** How many tasks of the queue will not run. */
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

  /** What becomes of a task that is refused. */
  get overflow(): TaskOverflow {
    return this.options.overflow;
  }

  /**
   * Gives the task a place, from when it is scheduled: one whose route has succeeded must not be lost then.
   *
   * @returns what it is refused with if there is none.
   */
  admit(task: Task): TaskPoolFullError | undefined {
    const { concurrency, maxQueue, overflow } = this.options;
    if (maxQueue === Infinity) return undefined;
    const busy = this.running + this.waiting;
    // A slot that is free is not kept for what requests hold: they may be open for long.
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

  /** Starts the task when a slot is free; one that came beyond the limit makes a slot, for whoever has waited longest. */
  push(task: Task): void {
    const place = task.state.queue();
    if (place === 'beyond') this.surplus += 1;
    if (place === 'reserved') this.reserved -= 1;
    this.queue.push(task);
    this.queueDrain();
  }

  /** Takes its place from a task that will not run. */
  leave(task: Task): void {
    const place = task.state.leavePool();
    if (place === 'reserved') this.reserved -= 1;
    if (place !== 'queue') return;
    // Lets go of cancelled tasks, and so of their arguments, before a slot is free: when they are half of the queue.
    this.stale += 1;
    if (this.stale * 2 <= this.queue.size) return;
    this.queue.keep(isDue);
    this.stale = 0;
  }

  /** A task has ended, or was given up. */
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
    // Those that the next microtask will start count as running.
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
        this.surplus = 0; // nobody is left to whom it could be of use
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

/** Whether a queued task still is to run: it was not cancelled while it waited, and neither was its retry. */
export function isDue(task: Task): boolean {
  const { state } = task; // not in the parameters: declarations would show it, and it is internal
  return state.hasEnded ? state.isRetrying && !state.isInvoked : true;
}
