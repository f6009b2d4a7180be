import { types } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';
import { AttemptTimeout } from '../task/attempt-timeout.js';
import { currentActivity, runInActivity, type TaskActivity } from '../task/task-activity.js';
import type { TaskEngine } from '../task/task-parts.js';
import { isLazy, takeResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import {
  isAbortOf,
  isError,
  TaskCancelledError,
  TaskDiscardedError,
  TaskNotEndedError,
  TaskTimeoutError,
} from '../task/task-errors.js';
import { ErrorHandlers } from './error-handlers.js';
import { BlockingTasks } from './blocking-tasks.js';
import { TaskEvents } from './task-events.js';
import { TaskLedger } from './task-ledger.js';
import { TaskLog } from './task-log.js';
import { isDue, type TaskPool, type TaskPoolState } from './task-pool.js';
import { TaskPools } from './task-pools.js';
import { TaskRunDecorator, UNDECORATED } from './task-run-decorator.js';
import { TaskTracer } from './task-tracer.js';
import { TaskWaits } from './task-waits.js';

/**
 * Runs tasks in this process. `submit` queues; a microtask starts what the concurrency limit allows; each run ends in
 * `settle`, once.
 */
@Injectable()
export class TaskRunner implements TaskEngine {
  private readonly allPools: TaskPools;
  private readonly waits: TaskWaits;
  private isClosed = false;
  private refusesUnshielded = false;

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    protected readonly ledger: TaskLedger,
    private readonly events: TaskEvents,
    private readonly errorHandlers: ErrorHandlers,
    private readonly log: TaskLog,
    private readonly blocking: BlockingTasks,
    private readonly decorator: TaskRunDecorator,
    private readonly tracer: TaskTracer,
  ) {
    this.allPools = new TaskPools(options.pools, (task, now) => this.run(task, now));
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
   * Starts the task in a microtask, or when a slot is free.
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
      this.endRetry(task, 'cancelled', error);
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
    if (life.isRetrying) throw new TaskNotEndedError(task.label, 'retrying');
    if (!life.hasEnded) throw new TaskNotEndedError(task.label, task.status);
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
    if (task.life.isRetrying) this.endRetry(task, 'cancelled', error);
    if (!task.life.hasEnded) {
      task.life.end('cancelled', error);
      this.events.emit('cancelled', task, reasonOf(task), error);
    }
    if (runs) this.poolOf(task)?.release();
    this.events.emit('abandoned', task, 'did not stop in time', error);
    this.finish(task);
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
    return task.run !== undefined || task.isUnlimited ? undefined : this.allPools.of(task);
  }

  protected enqueue(task: Task, pool: TaskPool | undefined): void {
    if (pool !== undefined) pool.push(task);
    else {
      queueMicrotask(() => {
        if (isDue(task)) this.run(task);
      });
    }
  }

  /**
   * Calls the task's function.
   *
   * @param now in milliseconds of `performance.now()`, where the one before has just returned it: each look at the clock
   * costs a tenth of a task.
   * @returns when the function returned, unless others have had their turn since.
   */
  protected run(task: Task, now?: number): number | undefined {
    if (now === undefined) this.events.attend();
    const begun = now ?? performance.now();
    const activity = task.life.begin(begun);
    this.events.emit(task.life.isRetrying ? 'retried' : 'started', task, attemptOf(task));
    // What subscribers of the event take is not the task's.
    return runInActivity(activity, this.attempt, this.events.isObserved ? performance.now() : begun);
  }

  /** Within the task's context, and so is all that follows: who settles it, its timer and its promises. */
  private readonly attempt = (activity: TaskActivity, called: number): number | undefined => {
    const { task } = activity;
    const { timeout } = task.config;
    if (timeout !== undefined) activity.timeout = new AttemptTimeout(timeout, (limit) => this.timeOut(activity, limit));
    try {
      const result = this.invoke(task);
      const returned = performance.now();
      this.blocking.check(task, returned - called);
      if (canBeThenable(result)) {
        promiseOf(result).then(this.settleAsSucceeded, this.settleAsFailed);
        return returned;
      }
      this.settle(activity, 'succeeded', result);
    } catch (error) {
      this.blocking.check(task, performance.now() - called);
      this.settle(activity, 'failed', error);
    }
    return undefined;
  };

  private invoke(task: Task): unknown {
    const isPlain = this.decorator.decorate === UNDECORATED;
    const call = isPlain ? invoke : (): unknown => this.decorator.decorate(() => invoke(task), task)();
    return this.events.isObserved && this.tracer.isActive ? this.tracer.run(task, () => call(task)) : call(task);
  }

  // One function for all tasks: the async context, in which promises call back, tells whose promise it is.
  private readonly settleAsSucceeded = (value: unknown): void => {
    if (isLazy(value)) this.take(value);
    else this.settle(currentActivity()!, 'succeeded', value);
  };
  private readonly settleAsFailed = (error: unknown): void => this.settle(currentActivity()!, 'failed', error);

  /** What an async function has returned. */
  private take(result: object): void {
    new Promise((resolve) => resolve(takeResult(result))).then(this.settleAsSucceeded, this.settleAsFailed);
  }

  private timeOut(activity: TaskActivity, timeout: number): void {
    const error = new TaskTimeoutError(activity.task.label, timeout);
    activity.abort(error);
    activity.task.run?.giveUp();
    this.settle(activity, 'failed', error, 'timeout');
  }

  /** The end of every attempt: returned, thrown or out of time. */
  private settle(
    { task, isRunning }: TaskActivity,
    status: 'succeeded' | 'failed',
    value: unknown,
    reason = 'threw',
  ): void {
    if (!isRunning) {
      if (status === 'failed') this.log.failedLate(task, value);
      task.run?.unwind();
      return;
    }
    this.poolOf(task)?.release();
    const final = status === 'failed' && task.life.cancellation !== undefined ? 'cancelled' : status;
    if (task.life.isRetrying) this.endRetry(task, final, value);
    else this.endFirstAttempt(task, final, value, reason);
  }

  private endFirstAttempt(task: Task, status: 'succeeded' | 'failed' | 'cancelled', value: unknown, why: string): void {
    task.life.end(status, value);
    if (status === 'succeeded') {
      this.events.emit('succeeded', task, 'returned');
      this.finish(task);
      return;
    }
    if (status === 'cancelled') {
      this.events.emit('cancelled', task, reasonOf(task), value);
      this.log.cancelled(task, value, isAbortOf(task.life.cancellation, value));
      this.finish(task);
      return;
    }
    this.events.emit('failed', task, why, value);
    if (task.run?.willRetry(value) === true) {
      this.log.attemptFailed(task, value);
      this.finish(task);
      return;
    }
    void this.errorHandlers.handle(task, value).then(() => this.finish(task));
  }

  private endRetry(task: Task, status: 'succeeded' | 'failed' | 'cancelled', value: unknown): void {
    task.life.endRetry(status, value);
    if (status === 'succeeded') this.events.emit('retrySucceeded', task, attemptOf(task));
    else {
      this.events.emit('retryFailed', task, attemptOf(task), value);
      if (status === 'failed') this.log.retryFailed(task, value);
      else this.log.cancelled(task, value, isAbortOf(task.life.cancellation, value));
    }
    if (task.life.isFinished) this.ledger.delete(task);
  }

  private endUnstarted(task: Task, error: TaskCancelledError | TaskDiscardedError): void {
    const status = error instanceof TaskDiscardedError ? 'discarded' : 'cancelled';
    this.events.attend();
    task.life.end(status, error);
    this.poolOf(task)?.leave(task);
    this.events.emit(status, task, error instanceof TaskDiscardedError ? error.reason : reasonOf(task), error);
    this.finish(task);
  }

  private finish(task: Task): void {
    if (task.life.isFinished) return; // abandoned while its onError ran
    this.events.finish(task);
    task.life.finish();
    if (!task.life.isRetrying) this.ledger.delete(task);
  }
}

function invoke(task: Task): unknown {
  const func = task.func as (...args: readonly unknown[]) => unknown;
  return takeResult(task.host === undefined ? func(...task.args) : func.apply(task.host(), [...task.args]));
}

function canBeThenable(result: unknown): boolean {
  return (typeof result === 'object' && result !== null) || typeof result === 'function';
}

/** A promise with a `then()` of its own may call back in any async context, and ours tells whose promise it is. */
function promiseOf(result: unknown): Promise<unknown> {
  const isPlain = !types.isPromise(result) || !Object.hasOwn(result, 'then');
  return isPlain ? Promise.resolve(result) : new Promise((resolve) => resolve(result));
}

/** Of the first, the one string: nearly all are. */
function attemptOf({ attempt }: Task): string {
  return attempt === 1 ? 'attempt 1' : `attempt ${attempt}`;
}

function reasonOf(task: Task): string {
  const reason = task.life.cancellation?.reason;
  if (isError(reason)) return reason.message || reason.name;
  return typeof reason === 'string' && reason !== '' ? reason : 'cancelled';
}
