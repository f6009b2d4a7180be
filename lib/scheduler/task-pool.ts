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
    return { concurrency, running: this.running, waiting: this.queue.size - this.stale, maxQueue };
  }

  /** What becomes of a task that is added now; `undefined`: there is room. */
  get overflow(): TaskOverflow | undefined {
    const { concurrency, maxQueue, overflow } = this.options;
    // Those that the next microtask will start do not wait.
    const isFull = this.running + this.queue.size - this.stale >= concurrency + maxQueue;
    return isFull ? overflow : undefined;
  }

  fullFor(task: Task): TaskPoolFullError {
    const { waiting } = this.state;
    // Those that the next microtask will start count as running.
    const starting = Math.min(waiting, Math.max(0, this.options.concurrency - this.running));
    return new TaskPoolFullError(task.label, this.name, this.running + starting, waiting - starting);
  }

  push(task: Task): void {
    task.life.isQueued = true;
    this.queue.push(task);
    this.queueDrain();
  }

  /** Starts the task beyond the limit: those that wait will wait a little longer. */
  pass(task: Task): void {
    this.running += 1;
    queueMicrotask(() => {
      this.running -= 1;
      if (isDue(task)) this.begin(task);
      else this.queueDrain();
    });
  }

  /** Lets go of cancelled tasks, and so of their arguments, before a slot is free: when they are half of the queue. */
  leave(task: Task): void {
    if (!task.life.isQueued) return;
    task.life.isQueued = false;
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
    task.life.isQueued = false;
    this.running += 1;
    this.run(task);
  }
}

/** Whether a queued task still is to run: it was not cancelled while it waited, and neither was its retry. */
export function isDue({ life }: Task): boolean {
  return life.hasEnded ? life.isRetrying && !life.isInvoked : true;
}
