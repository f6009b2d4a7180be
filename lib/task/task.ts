import { AsyncResource } from 'node:async_hooks';
import type { ContextId } from '@nestjs/core';
import { createDeferred, type Deferred } from './deferred.js';
import { LazySignal } from './lazy-signal.js';
import type { ResolvedTaskConfig } from './task-config.js';
import { TaskCancelledError, TaskDiscardedError, type TaskTimeoutError } from './task-errors.js';

/** When a task starts: at once, after the route handler and before the response, or after the response. */
export type TaskTiming = 'immediate' | 'afterRoute' | 'afterResponse';

/**
 * Where a task stands. `succeeded`, `failed`, `cancelled` and `discarded` are final.
 *
 * @publicApi
 */
export type TaskStatus = 'scheduled' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'discarded';

/**
 * How a task ended.
 *
 * @publicApi
 */
export type TaskOutcome<R = unknown> =
  | { readonly status: 'succeeded'; readonly value: R }
  | { readonly status: 'failed' | 'cancelled' | 'discarded'; readonly error: unknown };

/** A function that can be scheduled: sync or async, with any arguments. */
export type TaskFunction<A extends unknown[], R> = (...args: A) => R;

/** The request in which a task was scheduled, as far as those who run it need to know. */
export interface TaskOrigin {
  /** Shutdown leaves the tasks of a request in flight alone. */
  readonly isEnded: boolean;
  /** Finds the request's own instances of request-scoped providers. */
  readonly contextId: ContextId | undefined;
}

/** What a task asks of the scheduler that runs it. */
export interface TaskEngine {
  cancel(task: Task, reason: unknown): boolean;
  retry(task: Task): Promise<unknown>;
}

/** What a task is made of. */
export interface TaskParts {
  readonly func: (...args: never[]) => unknown;
  readonly args: readonly unknown[];
  readonly config: ResolvedTaskConfig;
  readonly timing: TaskTiming;
  readonly engine: TaskEngine;
  /** The provider that an unbound method runs on, looked up when it starts. */
  readonly host: (() => object) | undefined;
  readonly origin: TaskOrigin | undefined;
}

let lastId = 0;

/**
 * One scheduled function: what it is, where it stands, how it ended.
 *
 * A task is not a promise: returning it from an async handler does not wait for it. Await `done` or `result()`.
 *
 * @example
 * ```ts
 * const task = this.tasks.schedule(resize, file);
 * const outcome = await task.done;
 * if (outcome.status === 'failed') console.warn(task.name, outcome.error);
 * ```
 * @publicApi
 */
export class Task<R = unknown, A extends readonly unknown[] = readonly unknown[]> {
  /** The function, as it was passed. For a provider's method use `retry()`: calling this would lose its `this`. */
  readonly func: (...args: never[]) => unknown;
  /** The arguments, as they were passed. */
  readonly args: A;
  /** The options after all layers were merged; frozen. */
  readonly config: ResolvedTaskConfig;
  /** When it starts. */
  readonly timing: TaskTiming;

  /** @internal */
  readonly host: (() => object) | undefined;
  /** @internal */
  readonly origin: TaskOrigin | undefined;
  /**
   * The async context in which it was scheduled, and runs. An AsyncResource costs a tenth of
   * `AsyncLocalStorage.snapshot()` on Node 20.
   *
   * @internal
   */
  readonly scope = new AsyncResource('Task', { requireManualDestroy: true });
  /**
   * Handed to the runner, rather than held back in a batch.
   *
   * @internal
   */
  isSubmitted = false;
  /**
   * When it started, in milliseconds of `performance.now()`.
   *
   * @internal
   */
  startedAt: number | undefined;

  readonly #engine: TaskEngine;
  readonly #number = ++lastId;
  #status: TaskStatus = 'scheduled';
  #attempt = 1;
  #isInvoked = false;
  #isFinished = false;
  #outcome: TaskOutcome<R> | undefined;
  #lastAttempt: TaskStatus = 'scheduled';
  #cancellation: TaskCancelledError | undefined;
  #attemptSignal: LazySignal | undefined;
  #handlingSignal: LazySignal | undefined;
  #started: Deferred<void> | undefined;
  #done: Deferred<TaskOutcome<R>> | undefined;
  #retry: Deferred<R> | undefined;

  /** @internal */
  constructor(parts: TaskParts) {
    this.func = parts.func;
    this.args = parts.args as A;
    this.config = parts.config;
    this.timing = parts.timing;
    this.host = parts.host;
    this.origin = parts.origin;
    this.#engine = parts.engine;
  }

  /** Unique in this process. */
  get id(): string {
    return String(this.#number);
  }

  /** `config.name`, else the function's name, else `'anonymous'`. */
  get name(): string {
    return this.config.name ?? nameOf(this.func);
  }

  /** The last argument if it is a plain object, else `{}`. */
  get kwargs(): Record<string, unknown> {
    const last = this.args.at(-1);
    return isPlainObject(last) ? last : {};
  }

  /** Whether shutdown waits for it. */
  get shielded(): boolean {
    return this.config.shield;
  }

  /** Where it stands. */
  get status(): TaskStatus {
    return this.#status;
  }

  /** 1 in the first run, one more in each `retry()`. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Whether the function was called. */
  get isStarted(): boolean {
    return this.startedAt !== undefined;
  }

  /**
   * Aborted by `cancel()`, by shutdown unless shielded, and by the timeout. `onError` and each retry have one of their
   * own, which an earlier timeout has not aborted. Cancellation is a request: a function that does not watch its signal goes on.
   */
  get signal(): AbortSignal {
    return this.#currentSignal().signal;
  }

  /**
   * Resolves when the function is called.
   * Rejects with {@link TaskDiscardedError} if it never will be; left unobserved, that is no unhandled rejection.
   */
  get started(): Promise<void> {
    if (this.#started === undefined) {
      this.#started = createDeferred();
      this.#settleStarted();
    }
    return this.#started.promise;
  }

  /** Resolves, never rejects, when the task has ended and its `onError` has settled. */
  get done(): Promise<TaskOutcome<R>> {
    if (this.#done === undefined) {
      this.#done = createDeferred();
      this.#settleDone();
    }
    return this.#done.promise;
  }

  /**
   * Resolves to the function's result, once `done`. Rejects with the task's error when it failed, was cancelled or
   * was discarded; left unobserved, that is no unhandled rejection.
   */
  result(): Promise<R> {
    const result = this.done.then((outcome) => {
      if (outcome.status === 'succeeded') return outcome.value;
      throw outcome.error;
    });
    result.catch(() => {});
    return result;
  }

  /**
   * Calls the function again with the same arguments and resolves to its result. Counts `attempt`, applies the
   * timeout anew and keeps the shield; `onError` is not called again and `status` and `done` do not change.
   * Under a `concurrency` limit it waits for its turn.
   *
   * Rejects when the function fails, with {@link TaskNotEndedError} while the task waits or runs, with
   * {@link TaskCancelledError} when it was cancelled; left unobserved, that is no unhandled rejection.
   *
   * @example
   * ```ts
   * onError: async (task) => {
   *   for (let delay = 1_000; delay <= 8_000; delay *= 2) {
   *     await setTimeout(delay, undefined, { signal: task.signal });
   *     try {
   *       return await task.retry();
   *     } catch {}
   *   }
   * }
   * ```
   */
  retry(): Promise<R> {
    const result = this.#engine.retry(this) as Promise<R>;
    result.catch(() => {});
    return result;
  }

  /**
   * Asks the task to stop. One that has not started never will; one that runs gets its signal aborted, and so does one
   * whose `onError` or retry runs.
   *
   * @param reason becomes the `reason` of the {@link TaskCancelledError} with which the signal is aborted.
   * @returns `false` if it had ended already, and so nothing was asked.
   */
  cancel(reason?: unknown): boolean {
    return this.#engine.cancel(this, reason);
  }

  /**
   * Name and id for messages. Control characters are escaped: names are often built from user input, and a line break
   * would forge a log line.
   *
   * @internal
   */
  get label(): string {
    const name = this.name.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => {
      return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
    });
    return `${name}#${this.id}`;
  }

  /** @internal */
  get hasEnded(): boolean {
    return this.#outcome !== undefined;
  }

  /** Whether `done` has settled. @internal */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Whether the current attempt's function was called and has not been given up. @internal */
  get isInvoked(): boolean {
    return this.#isInvoked;
  }

  /** @internal */
  get isRetrying(): boolean {
    return this.#retry !== undefined;
  }

  /** How the latest attempt ended: `status` stays that of the first. @internal */
  get lastAttempt(): TaskStatus {
    return this.#lastAttempt;
  }

  /** @internal */
  get cancellation(): TaskCancelledError | undefined {
    return this.#cancellation;
  }

  /** The function is called: the first time, or again. @internal */
  begin(now: number): void {
    this.#isInvoked = true;
    if (this.startedAt !== undefined) return;
    this.startedAt = now;
    this.#status = 'running';
    this.#settleStarted();
  }

  /** The first run has ended, or never will begin. @internal */
  end(outcome: TaskOutcome<R>): void {
    this.#isInvoked = false;
    this.#outcome = outcome;
    this.#status = outcome.status;
    this.#lastAttempt = outcome.status;
    this.#settleStarted();
  }

  /** Nothing more will happen to it. @internal */
  finish(): void {
    this.#isFinished = true;
    this.#settleDone();
  }

  /** Its `onError` is called. @internal */
  beginHandling(): void {
    this.#handlingSignal = this.#createSignal(); // the timeout has aborted that of the attempt
  }

  /** @internal */
  beginRetry(): Promise<R> {
    this.#attempt += 1;
    this.#attemptSignal = undefined;
    this.#retry = createDeferred();
    return this.#retry.promise;
  }

  /** @internal */
  endRetry(outcome: TaskOutcome<R>): void {
    this.#isInvoked = false;
    this.#lastAttempt = outcome.status;
    const retry = this.#retry;
    this.#retry = undefined;
    if (outcome.status === 'succeeded') retry?.resolve(outcome.value);
    else retry?.reject(outcome.error);
  }

  /** @internal */
  requestCancel(reason: unknown): TaskCancelledError {
    this.#cancellation ??= new TaskCancelledError(this.label, reason);
    this.#attemptSignal?.abort(this.#cancellation);
    this.#handlingSignal?.abort(this.#cancellation);
    return this.#cancellation;
  }

  /** The attempt is out of time. @internal */
  timeOut(error: TaskTimeoutError): void {
    (this.#attemptSignal ??= this.#createSignal()).abort(error);
  }

  #currentSignal(): LazySignal {
    if (this.#handlingSignal !== undefined && !this.#isInvoked && !this.#isFinished) return this.#handlingSignal;
    return (this.#attemptSignal ??= this.#createSignal());
  }

  #createSignal(): LazySignal {
    const signal = new LazySignal();
    if (this.#cancellation !== undefined) signal.abort(this.#cancellation);
    return signal;
  }

  #settleStarted(): void {
    if (this.#started === undefined) return;
    if (this.isStarted) this.#started.resolve();
    else if (this.#outcome !== undefined && this.#outcome.status !== 'succeeded') {
      const { error, status } = this.#outcome;
      this.#started.reject(
        error instanceof TaskDiscardedError ? error : new TaskDiscardedError(this.label, status, { cause: error }),
      );
    }
  }

  #settleDone(): void {
    if (this.#isFinished && this.#outcome !== undefined) this.#done?.resolve(this.#outcome);
  }
}

function nameOf(func: (...args: never[]) => unknown): string {
  try {
    return String(func.name) || 'anonymous';
  } catch {
    return 'anonymous'; // a name is the function's own property, and may be a getter that throws
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    return prototype === Object.prototype || prototype === null;
  } catch {
    return false; // a Proxy may refuse to be asked
  }
}
