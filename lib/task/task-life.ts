import { createDeferred, type Deferred } from './deferred.js';
import { TaskActivity } from './task-activity.js';
import { TaskCancelledError, TaskDiscardedError } from './task-errors.js';
import type { TaskOutcome, TaskStatus } from './task-outcome.js';
import type { Task } from './task.js';

/**
 * Where a task stands, and the promises and signals that tell of it. The runner leads it through its transitions, in
 * this order: submit, begin, end, beginHandling (when it failed), finish; and beginRetry, begin, endRetry any number of
 * times after its end.
 */
export class TaskLife<R> {
  status: TaskStatus = 'scheduled';
  /** How the latest attempt ended: `status` stays that of the first. */
  lastAttempt: TaskStatus = 'scheduled';
  /** Handed to the runner, rather than held back in a batch. */
  isSubmitted = false;
  /** In its pool, until it starts. `beyond`: it starts although the pool is full. */
  place: 'reserved' | 'queue' | 'beyond' | undefined;
  /** `done` has settled. */
  isFinished = false;
  /** In milliseconds of `performance.now()`. */
  startedAt: number | undefined;
  cancellation: TaskCancelledError | undefined;

  #outcome: TaskOutcome<R> | undefined;
  #latest: TaskActivity | undefined;
  #handling: TaskActivity | undefined;
  #started: Deferred<void> | undefined;
  #done: Deferred<TaskOutcome<R>> | undefined;
  #retry: Deferred<R> | undefined;

  constructor(
    private readonly task: Task<R>,
    public attempt = 1,
  ) {}

  /** The first run has ended, or will never begin. */
  get hasEnded(): boolean {
    return this.#outcome !== undefined;
  }

  get isRetrying(): boolean {
    return this.#retry !== undefined;
  }

  /** The function was called, and has not been given up. */
  get isInvoked(): boolean {
    return this.#latest?.isRunning === true;
  }

  /** What goes on, or was the last to: an attempt, or the `onError`. */
  get activity(): TaskActivity {
    const isHandling = !this.isInvoked && !this.isFinished;
    if (isHandling && this.#handling !== undefined) return this.#handling;
    return this.#latestAttempt();
  }

  get started(): Promise<void> {
    if (this.#started === undefined) {
      this.#started = createDeferred();
      this.#settleStarted();
    }
    return this.#started.promise;
  }

  get done(): Promise<TaskOutcome<R>> {
    if (this.#done === undefined) {
      this.#done = createDeferred();
      this.#settleDone();
    }
    return this.#done.promise;
  }

  submit(): void {
    this.isSubmitted = true;
  }

  /** The function is called: the first time, or again. */
  begin(now: number): TaskActivity {
    const activity = this.#latestAttempt();
    activity.isRunning = true;
    if (this.isRetrying) return activity;
    this.startedAt = now;
    this.status = 'running';
    this.#settleStarted();
    return activity;
  }

  end(outcome: TaskOutcome<R>): void {
    this.#endAttempt(outcome);
    this.#outcome = outcome;
    this.status = outcome.status;
    this.#settleStarted();
  }

  beginHandling(): TaskActivity {
    this.#handling = this.#createActivity();
    return this.#handling;
  }

  /** Nothing more will happen to it but retries. */
  finish(): void {
    this.isFinished = true;
    this.#settleDone();
  }

  beginRetry(): Promise<R> {
    this.isSubmitted = true;
    this.attempt += 1;
    this.#latest = undefined;
    this.#retry = createDeferred();
    return this.#retry.promise;
  }

  endRetry(outcome: TaskOutcome<R>): void {
    this.#endAttempt(outcome);
    const retry = this.#retry;
    this.#retry = undefined;
    if (outcome.status === 'succeeded') retry?.resolve(outcome.value);
    else retry?.reject(outcome.error);
  }

  /** For good: no attempt and no `onError` gets a signal that is not aborted. */
  requestCancel(reason: unknown): TaskCancelledError {
    this.cancellation ??= new TaskCancelledError(this.task.label, reason);
    this.#latest?.abort(this.cancellation);
    this.#handling?.abort(this.cancellation);
    return this.cancellation;
  }

  #endAttempt({ status }: TaskOutcome<R>): void {
    this.lastAttempt = status;
    if (this.#latest === undefined) return;
    this.#latest.isRunning = false;
    this.#latest.timeout?.clear();
  }

  #latestAttempt(): TaskActivity {
    return (this.#latest ??= this.#createActivity(this.attempt));
  }

  #createActivity(attempt?: number): TaskActivity {
    const activity = new TaskActivity(this.task as Task, attempt);
    if (this.cancellation !== undefined) activity.abort(this.cancellation);
    return activity;
  }

  #settleStarted(): void {
    if (this.#started === undefined) return;
    if (this.startedAt !== undefined) this.#started.resolve();
    else if (this.#outcome !== undefined && this.#outcome.status !== 'succeeded') {
      const { error, status } = this.#outcome;
      const isDiscarded = error instanceof TaskDiscardedError;
      this.#started.reject(isDiscarded ? error : new TaskDiscardedError(this.task.label, status, { cause: error }));
    }
  }

  #settleDone(): void {
    if (this.isFinished && this.#outcome !== undefined) this.#done?.resolve(this.#outcome);
  }
}
