import { createDeferred, createResolvable, type Deferred, type Resolvable } from './deferred.js';
import { TaskActivity, type ActiveTask } from './task-activity.js';
import { createCancellation, TaskDiscardedError, type TaskCancelledError } from './task-errors.js';
import type { TaskOutcome, TaskStatus } from './task-outcome.js';

/** Outcome of an attempt. */
export type TaskEndStatus = TaskOutcome['status'];

/** Place in a pool. `beyond`: the task starts although the pool is full. */
export type PoolPlace = 'reserved' | 'queue' | 'beyond';

/**
 * State of a task, with its promises and signals. The runner leads it through its transitions: submit, begin, end,
 * beginHandling (after a failure), finish. After its end, beginRetry, begin and endRetry follow any number of times.
 *
 * All fields are set at once: a later one would cost every task a second shape and an array for it. They are `private`,
 * since V8 takes longer to set a `#` field.
 */
export class TaskState<R, T extends ActiveTask = ActiveTask> {
  readonly task: T;
  attempt: number;
  status: TaskStatus = 'scheduled';
  /** Status of the latest attempt: `status` stays that of the first. */
  lastAttempt: TaskStatus = 'scheduled';
  /** Stage: `held` by a batch, `submitted` to the runner, `finished` when `done` has settled. */
  stage: 'held' | 'submitted' | 'finished' = 'held';
  /** Start in milliseconds of `performance.now()`. */
  startedAt: number | undefined = undefined;
  cancellation: TaskCancelledError | undefined = undefined;
  /** Neighbours in the list of open tasks. */
  before: TaskState<unknown, T> | undefined = undefined;
  after: TaskState<unknown, T> | undefined = undefined;

  private pooled: PoolPlace | undefined = undefined;
  /** Result or error of the first attempt. */
  private value: unknown = undefined;
  private latest: TaskActivity<T> | undefined = undefined;
  private handling: TaskActivity<T> | undefined = undefined;
  private whenStarted: Deferred<void> | undefined = undefined;
  private whenDone: Resolvable<TaskOutcome<R>> | undefined = undefined;
  private retry: Deferred<R> | undefined = undefined;

  constructor(task: T, attempt: number) {
    this.task = task;
    this.attempt = attempt;
  }

  /** True when the runner has the task, and no batch holds it. */
  get isSubmitted(): boolean {
    return this.stage !== 'held';
  }

  /** True when `done` has settled. */
  get isFinished(): boolean {
    return this.stage === 'finished';
  }

  /** True when the first run has ended, or will never begin. */
  get hasEnded(): boolean {
    return this.status !== 'scheduled' && this.status !== 'running';
  }

  get isRetrying(): boolean {
    return this.retry !== undefined;
  }

  /** True from the call of the function until its end, or until it is given up. */
  get isInvoked(): boolean {
    return this.latest?.isRunning === true;
  }

  /** Current or latest activity: an attempt, or the `onError`. */
  get activity(): TaskActivity<T> {
    const isHandling = !this.isInvoked && !this.isFinished;
    if (isHandling && this.handling !== undefined) return this.handling;
    return this.latestAttempt();
  }

  get started(): Promise<void> {
    if (this.whenStarted === undefined) {
      this.whenStarted = createDeferred();
      this.settleStarted();
    }
    return this.whenStarted.promise;
  }

  get done(): Promise<TaskOutcome<R>> {
    if (this.whenDone === undefined) {
      this.whenDone = createResolvable();
      this.settleDone();
    }
    return this.whenDone.promise;
  }

  /** Place in the pool, until the start. */
  get poolPlace(): PoolPlace | undefined {
    return this.pooled;
  }

  /** Reserves a place among the waiting tasks. */
  reserve(): void {
    this.pooled = 'reserved';
  }

  /** Takes no place: the pool is full. */
  overflow(): void {
    this.pooled = 'beyond';
  }

  /** Waits for a slot from now on. Returns the former place. */
  queue(): PoolPlace | undefined {
    const before = this.pooled;
    this.pooled = 'queue';
    return before;
  }

  /** Stops the wait: the task starts, or will not run. Returns the former place. */
  leavePool(): PoolPlace | undefined {
    const before = this.pooled;
    this.pooled = undefined;
    return before;
  }

  submit(): void {
    if (this.stage === 'held') this.stage = 'submitted';
  }

  /** Starts an attempt. */
  begin(now: number): TaskActivity<T> {
    const activity = this.latestAttempt();
    activity.isRunning = true;
    if (this.isRetrying) return activity;
    this.startedAt = now;
    this.status = 'running';
    this.settleStarted();
    return activity;
  }

  /** Ends the first attempt. @param value its result or error. */
  end(status: TaskEndStatus, value: unknown): void {
    this.endAttempt(status);
    this.value = value;
    this.status = status;
    this.settleStarted();
  }

  beginHandling(): TaskActivity<T> {
    this.handling = this.createActivity(undefined);
    return this.handling;
  }

  /** Settles `done`. Only retries may follow. */
  finish(): void {
    this.stage = 'finished';
    this.settleDone();
  }

  beginRetry(): Promise<R> {
    this.submit();
    this.attempt += 1;
    this.latest = undefined;
    this.retry = createDeferred();
    return this.retry.promise;
  }

  /** Ends a retry. @param value its result or error. */
  endRetry(status: TaskEndStatus, value: unknown): void {
    this.endAttempt(status);
    const retry = this.retry;
    this.retry = undefined;
    if (status === 'succeeded') retry?.resolve(value as R);
    else retry?.reject(value);
  }

  /** Cancels for good: no later attempt or `onError` gets a signal that is not aborted. */
  requestCancel(reason: unknown): TaskCancelledError {
    this.cancellation ??= createCancellation(this.task.label, reason);
    this.latest?.abort(this.cancellation);
    this.handling?.abort(this.cancellation);
    return this.cancellation;
  }

  private endAttempt(status: TaskEndStatus): void {
    this.lastAttempt = status;
    if (this.latest === undefined) return;
    this.latest.isRunning = false;
    this.latest.timeout?.clear();
  }

  private latestAttempt(): TaskActivity<T> {
    return (this.latest ??= this.createActivity(this.attempt));
  }

  private createActivity(attempt: number | undefined): TaskActivity<T> {
    const activity = new TaskActivity(this.task, attempt);
    if (this.cancellation !== undefined) activity.abort(this.cancellation);
    return activity;
  }

  private settleStarted(): void {
    if (this.whenStarted === undefined) return;
    if (this.startedAt !== undefined) this.whenStarted.resolve();
    else if (this.hasEnded) {
      const error = this.value;
      const isDiscarded = error instanceof TaskDiscardedError;
      this.whenStarted.reject(
        isDiscarded ? error : new TaskDiscardedError(this.task.label, this.status, { cause: error }),
      );
    }
  }

  private settleDone(): void {
    if (this.whenDone === undefined || !this.isFinished) return;
    const { status } = this;
    if (status === 'succeeded') this.whenDone.resolve({ status, value: this.value as R });
    else if (status !== 'scheduled' && status !== 'running') this.whenDone.resolve({ status, error: this.value });
  }
}
