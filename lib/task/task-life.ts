import { createDeferred, type Deferred } from './deferred.js';
import { LazySignal } from './lazy-signal.js';
import { TaskCancelledError, TaskDiscardedError, type TaskTimeoutError } from './task-errors.js';
import type { TaskOutcome, TaskStatus } from './task-outcome.js';

/**
 * Where a task stands, and the promises and signals that tell of it. The runner leads it through its transitions, in
 * this order: submit, begin, end, beginHandling (when it failed), finish; and beginRetry, begin, endRetry any number of
 * times after its end.
 */
export class TaskLife<R> {
  status: TaskStatus = 'scheduled';
  /** How the latest attempt ended: `status` stays that of the first. */
  lastAttempt: TaskStatus = 'scheduled';
  attempt = 1;
  /** Handed to the runner, rather than held back in a batch. */
  isSubmitted = false;
  /** The current attempt's function was called, and has not been given up. */
  isInvoked = false;
  /** `done` has settled. */
  isFinished = false;
  /** In milliseconds of `performance.now()`. */
  startedAt: number | undefined;
  /** That of the current attempt's timeout. */
  timer: NodeJS.Timeout | undefined;
  cancellation: TaskCancelledError | undefined;

  #outcome: TaskOutcome<R> | undefined;
  #attemptSignal: LazySignal | undefined;
  #handlingSignal: LazySignal | undefined;
  #started: Deferred<void> | undefined;
  #done: Deferred<TaskOutcome<R>> | undefined;
  #retry: Deferred<R> | undefined;

  constructor(private readonly task: { readonly label: string }) {}

  /** The first run has ended, or will never begin. */
  get hasEnded(): boolean {
    return this.#outcome !== undefined;
  }

  get isRetrying(): boolean {
    return this.#retry !== undefined;
  }

  /** That of what goes on: the attempt, or the `onError`. */
  get signal(): AbortSignal {
    const isHandling = !this.isInvoked && !this.isFinished;
    if (isHandling && this.#handlingSignal !== undefined) return this.#handlingSignal.signal;
    return (this.#attemptSignal ??= this.#createSignal()).signal;
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
  begin(now: number): void {
    this.isInvoked = true;
    if (this.startedAt !== undefined) return;
    this.startedAt = now;
    this.status = 'running';
    this.#settleStarted();
  }

  end(outcome: TaskOutcome<R>): void {
    this.#endAttempt(outcome);
    this.#outcome = outcome;
    this.status = outcome.status;
    this.#settleStarted();
  }

  /** Its `onError` is called, with a signal that the attempt's timeout has not aborted. */
  beginHandling(): void {
    this.#handlingSignal = this.#createSignal();
  }

  /** Nothing more will happen to it but retries. */
  finish(): void {
    this.isFinished = true;
    this.#settleDone();
  }

  beginRetry(): Promise<R> {
    this.isSubmitted = true;
    this.attempt += 1;
    this.#attemptSignal = undefined;
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
    this.#attemptSignal?.abort(this.cancellation);
    this.#handlingSignal?.abort(this.cancellation);
    return this.cancellation;
  }

  /** The attempt is out of time. */
  timeOut(error: TaskTimeoutError): void {
    (this.#attemptSignal ??= this.#createSignal()).abort(error);
  }

  #endAttempt({ status }: TaskOutcome<R>): void {
    this.isInvoked = false;
    this.lastAttempt = status;
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  #createSignal(): LazySignal {
    const signal = new LazySignal();
    if (this.cancellation !== undefined) signal.abort(this.cancellation);
    return signal;
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
