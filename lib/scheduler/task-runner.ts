import { Inject, Injectable } from '@nestjs/common';
import type { Task, TaskEngine } from '../task/task.js';
import { TaskCancelledError, TaskDiscardedError } from '../task/task-errors.js';
import { notEnded } from '../task/usage-errors.js';
import { reasonOf, TaskAttempts } from './task-attempts.js';
import { TaskEvents } from './task-events.js';
import { TaskLedger } from './task-ledger.js';
import { TaskLog } from './task-log.js';
import { isDue, type TaskPool, type TaskPoolState } from './task-pool.js';
import { TaskPools } from './task-pools.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';
import { TaskWaits } from './task-waits.js';

/** Runs tasks in this process. `submit` queues; a microtask begins the attempts that the concurrency limit allows. */
@Injectable()
export class TaskRunner implements TaskEngine {
  private readonly allPools: TaskPools;
  private readonly waits: TaskWaits;
  private isClosed = false;
  private refusesUnshielded = false;

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    protected readonly ledger: TaskLedger,
    protected readonly attempts: TaskAttempts,
    private readonly events: TaskEvents,
    private readonly log: TaskLog,
  ) {
    attempts.releaseBy((task) => this.poolOf(task)?.release());
    this.allPools = new TaskPools(options.pools, (task, now) => attempts.run(task, now));
    this.waits = new TaskWaits((task) => this.poolOf(task), log);
  }

  get pools(): Readonly<Record<string, TaskPoolState>> {
    return this.allPools.states;
  }

  /** @throws {TasksConfigError} when the module has no such pool. */
  checkPool(name: string): void {
    this.allPools.check(name);
  }

  /**
   * Gives the task a place in its pool.
   *
   * @throws {TaskPoolFullError} when that is full, and is to reject. Where it is to discard, the task has ended.
   */
  admit(task: Task): void {
    if (this.isClosed || task.life.hasEnded) return; // another reason not to run it
    const pool = this.poolOf(task);
    const refusal = pool?.admit(task);
    if (pool === undefined || refusal === undefined) return;
    this.log.discardedByPool(task, refusal.reason, pool.overflow === 'reject');
    this.endUnstarted(task, refusal);
    if (pool.overflow === 'reject') throw refusal;
  }

  /**
   * Starts the task in a microtask, or when a slot is free; that of a durable run at once.
   *
   * @throws {TaskPoolFullError} see {@link admit}.
   */
  start(task: Task): void {
    this.admit(task);
    this.submit(task);
  }

  /** The same for a task that was admitted. */
  submit(task: Task): void {
    if (task.life.hasEnded) return; // cancelled while its batch held it
    if (this.isClosed || (this.refusesUnshielded && !task.shielded)) {
      this.log.discardedByShutdown(task);
      this.endUnstarted(task, new TaskDiscardedError(task.label, 'the application has shut down'));
      return;
    }
    task.life.submit();
    this.enqueue(task, this.poolOf(task));
  }

  /** Ends a task that was held in a batch, because it must not run. */
  discard(task: Task, reason: string): void {
    if (task.life.hasEnded) return;
    this.log.discarded(task, reason);
    this.endUnstarted(task, new TaskDiscardedError(task.label, reason));
  }

  cancel(task: Task, reason: unknown): boolean {
    const { life } = task;
    if (life.isFinished && !life.isRetrying) return false;
    const error = life.requestCancel(reason);
    const isWaiting = life.isRetrying ? !life.isInvoked : !life.hasEnded && !task.isStarted;
    if (!isWaiting) return true; // what goes on has its signal aborted, and ends by itself
    if (life.isRetrying) {
      this.attempts.endRetry(task, 'cancelled', error);
      this.poolOf(task)?.leave(task);
    } else this.endUnstarted(task, error);
    return true;
  }

  warnOfCycle(task: Task): void {
    this.waits.warn(task);
  }

  failOnCycle(task: Task): Promise<never> | undefined {
    return this.waits.fail(task);
  }

  async retry(task: Task): Promise<unknown> {
    const { life } = task;
    if (life.cancellation !== undefined) throw life.cancellation;
    if (life.isRetrying) throw notEnded(task.label, 'retrying');
    if (!life.hasEnded) throw notEnded(task.label, task.status);
    if (this.isClosed) throw new TaskDiscardedError(task.label, 'the application has shut down');
    const result = life.beginRetry();
    this.ledger.add(task); // it may have finished before
    this.enqueue(task, this.poolOf(task)); // accepted once, it is not refused now
    return result;
  }

  /** Gives up on a task that was cancelled and does not stop. */
  abandon(task: Task): void {
    this.events.attend();
    const error = task.life.cancellation ?? new TaskCancelledError(task.label, 'abandoned');
    const runs = task.life.isInvoked;
    if (runs) task.run?.giveUp();
    if (task.life.isRetrying) this.attempts.endRetry(task, 'cancelled', error);
    if (!task.life.hasEnded) {
      task.life.end('cancelled', error);
      this.events.emit('cancelled', task, reasonOf(task), error);
    }
    if (runs) this.poolOf(task)?.release();
    this.events.emit('abandoned', task, 'did not stop in time', error);
    this.attempts.finish(task);
  }

  /** From now on unshielded tasks are discarded, with a warning: one that schedules its next would hold the end for ever. */
  refuseUnshielded(): void {
    this.refusesUnshielded = true;
  }

  /** From now on nothing starts: what is scheduled or still held in a batch is discarded, with a warning. */
  close(): void {
    this.isClosed = true;
    for (const task of this.ledger) {
      if (!task.life.isSubmitted) this.submit(task);
    }
  }

  /** Runs of durable executions have a limit of their own: how many of them their worker claims. */
  protected poolOf(task: Task): TaskPool | undefined {
    return task.kind === 'user' ? this.allPools.of(task) : undefined;
  }

  protected enqueue(task: Task, pool: TaskPool | undefined): void {
    if (pool !== undefined) pool.push(task);
    // Its worker has no code of a user on its stack that would have to return first.
    else if (task.run !== undefined && !task.life.isRetrying) this.attempts.run(task);
    else {
      queueMicrotask(() => {
        if (isDue(task)) this.attempts.run(task);
      });
    }
  }

  private endUnstarted(task: Task, error: TaskCancelledError | TaskDiscardedError): void {
    const status = error instanceof TaskDiscardedError ? 'discarded' : 'cancelled';
    this.events.attend();
    task.life.end(status, error);
    this.poolOf(task)?.leave(task);
    this.events.emit(status, task, error instanceof TaskDiscardedError ? error.reason : reasonOf(task), error);
    this.attempts.finish(task);
  }
}
