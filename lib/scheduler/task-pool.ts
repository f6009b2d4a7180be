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
  /** How many may wait. */
  readonly maxQueue: number;
}

/** Starts tasks in microtasks, first in first out, as many at once as it has slots. */
export class TaskPool {
  private readonly queue = new Fifo<Task>();
  private running = 0;
  /** How many tasks that batches hold have a place in the queue. */
  private reserved = 0;
  /** How many tasks of the queue will not run. */
  private stale = 0;
  private isDrainQueued = false;

  constructor(
    private readonly name: string,
    private readonly options: ResolvedTaskPoolOptions,
    private readonly run: (task: Task) => void,
  ) {}

  get state(): TaskPoolState {
    const { concurrency, maxQueue } = this.options;
    return { concurrency, running: this.running, waiting: this.waiting + this.reserved, maxQueue };
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
    if (this.running + this.waiting + this.reserved < concurrency + maxQueue) {
      task.life.place = 'reserved';
      this.reserved += 1;
      return undefined;
    }
    if (overflow !== 'run') return this.fullFor(task);
    task.life.place = 'beyond';
    return undefined;
  }

  /** Starts the task when a slot is free. */
  push(task: Task): void {
    const { place } = task.life;
    if (place === 'beyond') return this.pass(task);
    if (place === 'reserved') this.reserved -= 1;
    task.life.place = 'queue';
    this.queue.push(task);
    this.queueDrain();
  }

  /** Takes its place from a task that will not run. */
  leave(task: Task): void {
    const { place } = task.life;
    task.life.place = undefined;
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
    if (this.queue.size > 0) this.queueDrain();
  }

  private get waiting(): number {
    return this.queue.size - this.stale;
  }

  private fullFor(task: Task): TaskPoolFullError {
    const { waiting } = this.state;
    // Those that the next microtask will start count as running.
    const starting = Math.min(waiting, Math.max(0, this.options.concurrency - this.running));
    return new TaskPoolFullError(task.label, this.name, this.running + starting, waiting - starting);
  }

  /** Starts the task beyond the limit: those that wait will wait a little longer. */
  private pass(task: Task): void {
    this.running += 1;
    queueMicrotask(() => {
      this.running -= 1;
      if (isDue(task)) this.begin(task);
      else this.queueDrain();
    });
  }

  private queueDrain(): void {
    if (this.isDrainQueued || this.running >= this.options.concurrency) return;
    this.isDrainQueued = true;
    queueMicrotask(this.drain);
  }

  private readonly drain = (): void => {
    this.isDrainQueued = false;
    while (this.running < this.options.concurrency) {
      const task = this.queue.shift();
      if (task === undefined) return;
      if (isDue(task)) this.begin(task);
      else this.stale -= 1;
    }
  };

  private begin(task: Task): void {
    task.life.place = undefined;
    this.running += 1;
    this.run(task);
  }
}

/** Whether a queued task still is to run: it was not cancelled while it waited, and neither was its retry. */
export function isDue(task: Task): boolean {
  const { life } = task; // not in the parameters: declarations would show it, and it is internal
  return life.hasEnded ? life.isRetrying && !life.isInvoked : true;
}
