import { Inject, Injectable } from '@nestjs/common';
import type { Task, TaskControls } from '../task/task.js';
import { TaskCancelledError, TaskDiscardedError } from '../task/task-errors.js';
import { notEnded } from '../task/usage-errors.js';
import { reasonOf, TaskAttempts } from './task-attempts.js';
import { TaskEvents } from './task-events.js';
import { OpenTasks } from './open-tasks.js';
import { TaskLog } from './task-log.js';
import { isDue, type TaskPool, type TaskPoolState } from './task-pool.js';
import { TaskPools } from './task-pools.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';
import { TaskWaits } from './task-waits.js';

/** Runs tasks in this process. `submit` queues; a microtask begins the attempts that the concurrency limit allows. */
@Injectable()
export class TaskRunner implements TaskControls {
  private readonly allPools: TaskPools;
  private readonly waits: TaskWaits;
  private isClosed = false;
  private refusesUnshielded = false;

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    protected readonly openTasks: OpenTasks,
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

  /** Checks the name of a pool. @throws {TasksConfigError} when the module has no such pool. */
  checkPool(name: string): void {
    this.allPools.check(name);
  }

  /**
   * Gives the task a place in its pool.
   *
   * @throws {TaskPoolFullError} when the pool is full and rejects. Where it discards, the task has ended.
   */
  admit(task: Task): void {
    if (this.isClosed || task.state.hasEnded) return; // ends for another reason
    const pool = this.poolOf(task);
    const refusal = pool?.admit(task);
    if (pool === undefined || refusal === undefined) return;
    this.log.discardedByPool(task, refusal.reason, pool.overflow === 'reject');
    this.endUnstarted(task, refusal);
    if (pool.overflow === 'reject') throw refusal;
  }

  /**
   * Starts the task in a microtask, or when a slot is free; the task of a durable run at once.
   *
   * @throws {TaskPoolFullError} see {@link admit}.
   */
  start(task: Task): void {
    this.admit(task);
    this.submit(task);
  }

  /** Starts a task that was admitted. */
  submit(task: Task): void {
    if (task.state.hasEnded) return; // cancelled while its batch held it
    if (this.isClosed || (this.refusesUnshielded && !task.shielded)) {
      this.log.discardedByShutdown(task);
      this.endUnstarted(task, new TaskDiscardedError(task.label, 'the application has shut down'));
      return;
    }
    task.state.submit();
    this.enqueue(task, this.poolOf(task));
  }

  /** Ends a task that was held in a batch and must not run. */
  discard(task: Task, reason: string): void {
    if (task.state.hasEnded) return;
    this.log.discarded(task, reason);
    this.endUnstarted(task, new TaskDiscardedError(task.label, reason));
  }

  cancel(task: Task, reason: unknown): boolean {
    const { state } = task;
    if (state.isFinished && !state.isRetrying) return false;
    const error = state.requestCancel(reason);
    const isWaiting = state.isRetrying ? !state.isInvoked : !state.hasEnded && !task.isStarted;
    if (!isWaiting) return true; // a running task ends by its aborted signal
    if (state.isRetrying) {
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
    const { state } = task;
    if (state.cancellation !== undefined) throw state.cancellation;
    if (state.isRetrying) throw notEnded(task.label, 'retrying');
    if (!state.hasEnded) throw notEnded(task.label, task.status);
    if (this.isClosed) throw new TaskDiscardedError(task.label, 'the application has shut down');
    const result = state.beginRetry();
    this.openTasks.add(task); // may have finished before
    this.enqueue(task, this.poolOf(task)); // accepted once, so not refused now
    return result;
  }

  /** Gives up a task that was cancelled and does not stop. */
  abandon(task: Task): void {
    this.events.attend();
    const error = task.state.cancellation ?? new TaskCancelledError(task.label, 'abandoned');
    const runs = task.state.isInvoked;
    if (runs) task.run?.giveUp();
    if (task.state.isRetrying) this.attempts.endRetry(task, 'cancelled', error);
    if (!task.state.hasEnded) {
      task.state.end('cancelled', error);
      this.events.emit('cancelled', task, reasonOf(task), error);
    }
    if (runs) this.poolOf(task)?.release();
    this.events.emit('abandoned', task, 'did not stop in time', error);
    this.attempts.finish(task);
  }

  /**
   * Discards unshielded tasks from now on, with a warning: a task that schedules its next would hold the end for ever.
   */
  refuseUnshielded(): void {
    this.refusesUnshielded = true;
  }

  /** Starts nothing from now on: further tasks, and those still held in a batch, are discarded with a warning. */
  close(): void {
    this.isClosed = true;
    for (const task of this.openTasks) {
      if (!task.state.isSubmitted) this.submit(task);
    }
  }

  /** Returns the pool of a task: none for durable runs, limited by their worker. Seam for nestjs-tasks/testing. */
  protected poolOf(task: Task): TaskPool | undefined {
    return task.kind === 'user' ? this.allPools.of(task) : undefined;
  }

  /** Starts a task in its turn. Seam for nestjs-tasks/testing. */
  protected enqueue(task: Task, pool: TaskPool | undefined): void {
    if (pool !== undefined) pool.push(task);
    // A worker has no user code on its stack that would have to return first.
    else if (task.run !== undefined && !task.state.isRetrying) this.attempts.run(task);
    else {
      queueMicrotask(() => {
        if (isDue(task)) this.attempts.run(task);
      });
    }
  }

  private endUnstarted(task: Task, error: TaskCancelledError | TaskDiscardedError): void {
    const status = error instanceof TaskDiscardedError ? 'discarded' : 'cancelled';
    this.events.attend();
    task.state.end(status, error);
    this.poolOf(task)?.leave(task);
    this.events.emit(status, task, error instanceof TaskDiscardedError ? error.reason : reasonOf(task), error);
    this.attempts.finish(task);
  }
}
