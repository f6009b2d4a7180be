import { createDeferred, createResolvable, type Deferred, type Resolvable } from './deferred.js';
import { TaskActivity, type ActiveTask } from './task-activity.js';
import { createCancellation, TaskDiscardedError, type TaskCancelledError } from './task-errors.js';
import type { TaskOutcome, TaskStatus } from './task-outcome.js';

/** How an attempt ended. */
export type TaskEndStatus = TaskOutcome['status'];

/** Place in a pool. `beyond`: it starts although the pool is full. */
export type PoolPlace = 'reserved' | 'queue' | 'beyond';

/**
 * Where a task stands, and the promises and signals that tell of it. The runner leads it through its transitions, in
 * this order: submit, begin, end, beginHandling (when it failed), finish; and beginRetry, begin, endRetry any number of
 * times after its end.
 *
 * All fields are set at once: one that is added later would cost every task a second shape and an array for it. They are
 * `private`, for V8 takes longer to set one with a #.
 */
export class TaskState<R, T extends ActiveTask = ActiveTask> {
  readonly task: T;
  attempt: number;
  status: TaskStatus = 'scheduled';
  /** How the latest attempt ended: `status` stays that of the first. */
  lastAttempt: TaskStatus = 'scheduled';
  /** `held`: by a batch. `submitted`: to the runner. `finished`: `done` has settled. */
  stage: 'held' | 'submitted' | 'finished' = 'held';
  /** In milliseconds of `performance.now()`. */
  startedAt: number | undefined = undefined;
  cancellation: TaskCancelledError | undefined = undefined;
  /** Its neighbours in the openTasks, while it is there. */
  before: TaskState<unknown, T> | undefined = undefined;
  after: TaskState<unknown, T> | undefined = undefined;

  private pooled: PoolPlace | undefined = undefined;
  /** What the first attempt returned or failed with. */
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

  /** Handed to the runner, rather than held back in a batch. */
  get isSubmitted(): boolean {
    return this.stage !== 'held';
  }

  /** `done` has settled. */
  get isFinished(): boolean {
    return this.stage === 'finished';
  }

  /** The first run has ended, or will never begin. */
  get hasEnded(): boolean {
    return this.status !== 'scheduled' && this.status !== 'running';
  }

  get isRetrying(): boolean {
    return this.retry !== undefined;
  }

  /** The function was called, and has not been given up. */
  get isInvoked(): boolean {
    return this.latest?.isRunning === true;
  }

  /** What goes on, or was the last to: an attempt, or the `onError`. */
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

  /** Place in its pool, until it starts. */
  get poolPlace(): PoolPlace | undefined {
    return this.pooled;
  }

  /** Takes a place among those that wait, for when it is queued. */
  reserve(): void {
    this.pooled = 'reserved';
  }

  /** Takes no place: the pool is full. */
  overflow(): void {
    this.pooled = 'beyond';
  }

  /** Waits for a slot from now on. Returns the place that it had. */
  queue(): PoolPlace | undefined {
    const before = this.pooled;
    this.pooled = 'queue';
    return before;
  }

  /** Waits no more: it starts, or will not run. Returns the place that it had. */
  leavePool(): PoolPlace | undefined {
    const before = this.pooled;
    this.pooled = undefined;
    return before;
  }

  submit(): void {
    if (this.stage === 'held') this.stage = 'submitted';
  }

  /** The function is called: the first time, or again. */
  begin(now: number): TaskActivity<T> {
    const activity = this.latestAttempt();
    activity.isRunning = true;
    if (this.isRetrying) return activity;
    this.startedAt = now;
    this.status = 'running';
    this.settleStarted();
    return activity;
  }

  /** @param value what it returned, or failed with. */
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

  /** Nothing more will happen to it but retries. */
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

  /** @param value what it returned, or failed with. */
  endRetry(status: TaskEndStatus, value: unknown): void {
    this.endAttempt(status);
    const retry = this.retry;
    this.retry = undefined;
    if (status === 'succeeded') retry?.resolve(value as R);
    else retry?.reject(value);
  }

  /** For good: no attempt and no `onError` gets a signal that is not aborted. */
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
