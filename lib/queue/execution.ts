import { filter, firstValueFrom, map, of, takeWhile, throwError, timeout as failAfter, type Observable } from 'rxjs';
import { parseDuration, type Duration } from '../task/duration.js';
import { isEnded, type ExecutionRecord, type ExecutionState } from './brokers/broker.js';
import { decodeArgs, decodeResult, restoreError } from './payload.js';
import {
  ExecutionCancelledError,
  ExecutionDroppedError,
  ExecutionNotFoundError,
  ResultTimeoutError,
} from './queue-errors.js';

/**
 * What `add()` has done: recorded a new execution; found its key taken and changed nothing; or found it struck: then it
 * was not recorded (`state` is `'dropped'`), or it will be held until `restore()`.
 *
 * @publicApi
 */
export type Disposition = 'scheduled' | 'already-scheduled' | 'struck';

/**
 * How far a run has come.
 *
 * @publicApi
 */
export interface ExecutionProgress {
  /** From 0. May exceed the total. */
  readonly current: number;
  readonly total: number;
  readonly message: string | undefined;
}

/**
 * What was seen of an execution at one moment.
 *
 * @publicApi
 */
export interface ExecutionEvent {
  readonly key: string;
  readonly name: string;
  readonly state: ExecutionState;
  /** From 1. */
  readonly attempt: number;
  /** When it is due, or was. */
  readonly when: Date;
  /** Why it is parked, was cancelled, dropped or handed back. */
  readonly reason?: string;
  /** How far its run has come, once the task has told. */
  readonly progress?: ExecutionProgress;
}

/** Where an execution finds out what became of it. */
export interface ExecutionSource {
  get(key: string): Promise<ExecutionRecord | undefined>;
  /**
   * What is known, and again whenever it changes; `undefined` when the queue does not know the key.
   *
   * @param notBefore what was added before then, in milliseconds since the epoch, is another that has the key still.
   */
  watch(key: string, notBefore: number): Observable<ExecutionRecord | undefined>;
  cancel(key: string, reason: string): Promise<'cancelled' | 'signalled' | 'not-found'>;
}

/**
 * One durable execution, as it was last seen here. `refresh()`, `events$` and `result()` look again, in whichever
 * process it runs.
 *
 * @example
 * ```ts
 * const execution = await this.queue.add(this.reports.build, { key: `report:${id}` })(id);
 * const url = await execution.result({ timeout: '30s' });
 * ```
 * @publicApi
 */
export class Execution<R = unknown> {
  #record: ExecutionRecord;
  readonly #source: ExecutionSource;
  readonly #notBefore: number;

  /** The record, for the library's own use. @internal */
  static recordOf(execution: Execution): ExecutionRecord {
    return execution.#record;
  }

  /** @internal */
  constructor(
    record: ExecutionRecord,
    source: ExecutionSource,
    /** What `add()` has done; `undefined` where the execution was looked up. */
    readonly disposition?: Disposition,
    /** It follows a run that has its key. */
    isReplacement = false,
  ) {
    this.#record = record;
    this.#source = source;
    this.#notBefore = isReplacement ? record.addedAt : 0;
  }

  /** Identifies it as long as it has not ended; then the key is free again. */
  get key(): string {
    return this.#record.key;
  }

  /** The task's. */
  get name(): string {
    return this.#record.name;
  }

  get args(): readonly unknown[] {
    return decodeArgs(this.#record.args);
  }

  /** When it is due, or was. */
  get when(): Date {
    return new Date(this.#record.when);
  }

  /** From 1: the attempt that runs or comes next, or was the last. */
  get attempt(): number {
    return this.#record.attempt;
  }

  /** 0 comes first. */
  get priority(): number {
    return this.#record.priority;
  }

  get state(): ExecutionState {
    return this.#record.state;
  }

  /** Why it is parked, was cancelled, dropped or handed back. */
  get reason(): string | undefined {
    return this.#record.reason;
  }

  /** How far its run has come, as the task has told; 0 of 100 until it does. */
  get progress(): ExecutionProgress {
    return progressOf(this.#record);
  }

  /** When it was added. */
  get addedAt(): Date {
    return new Date(this.#record.addedAt);
  }

  /** Why it failed; while it waits for its next attempt, why the last one did. */
  get error(): Error | undefined {
    return this.#record.error && restoreError(this.#record.error);
  }

  /** The worker that runs it, or was the last to. */
  get worker(): string | undefined {
    return this.#record.worker;
  }

  /**
   * Looks at it again.
   *
   * @throws {ExecutionNotFoundError} when the queue does not know it any more.
   */
  async refresh(): Promise<this> {
    if (this.#wasRefused) return this;
    const record = await this.#source.get(this.key);
    if (record === undefined) throw new ExecutionNotFoundError(this.key);
    if (record.addedAt >= this.#notBefore) this.#record = record;
    return this;
  }

  /**
   * Its state now, and each state that it is seen in from then on; completes when it has ended. States that it passes
   * through quickly may be missed. Errors with {@link ExecutionNotFoundError} when the queue does not know it.
   */
  get events$(): Observable<ExecutionEvent> {
    return this.#watch().pipe(
      map((record) => this.#eventOf(record)),
      takeWhile(({ state }) => !isEnded(state), true),
    );
  }

  /**
   * Resolves to what the task returned, when it has.
   *
   * @param options `timeout`: rejects with {@link ResultTimeoutError} after it; the execution goes on. Default: waits on.
   * Rejects with the task's error, by name, message, code, stack and cause, when it failed for good; with
   * {@link ExecutionCancelledError}, {@link ExecutionDroppedError}; with {@link ExecutionNotFoundError} after the queue's
   * `retention`; with {@link TaskResultError} when the task returned what cannot be stored.
   */
  async result({ timeout }: { timeout?: Duration | undefined } = {}): Promise<R> {
    const limit = timeout === undefined ? undefined : parseDuration('result().timeout', timeout);
    const ended = this.#watch().pipe(filter((record) => record === undefined || isEnded(record.state)));
    const record = await firstValueFrom(
      limit === undefined
        ? ended
        : ended.pipe(
            failAfter({
              first: limit,
              with: () => throwError(() => new ResultTimeoutError(this.key, limit, this.state)),
            }),
          ),
    );
    if (record === undefined) throw new ExecutionNotFoundError(this.key);
    this.#record = record;
    return resultOf(record) as R;
  }

  /**
   * Asks that it does not run, or stops: in whichever process it runs, its signal is aborted.
   *
   * @returns `'cancelled'` when it will not run, `'signalled'` when it runs and was asked to stop, `'not-found'` when it
   * has ended.
   */
  async cancel(reason = 'by its handle'): Promise<'cancelled' | 'signalled' | 'not-found'> {
    if (this.#wasRefused) return 'not-found';
    return this.#source.cancel(this.key, reason);
  }

  /** What a handler that returns the execution answers. Without the arguments. */
  toJSON(): Record<string, unknown> {
    const { key, name, state, attempt, when, disposition } = this;
    const progress = this.#record.progress && this.progress;
    return { key, name, state, attempt, when, ...(progress !== undefined && { progress }), disposition };
  }

  /** It was struck when it was to be added, so the queue does not know it, and its key may be another's. */
  get #wasRefused(): boolean {
    return this.disposition === 'struck' && this.#record.state === 'dropped';
  }

  #watch(): Observable<ExecutionRecord | undefined> {
    return this.#wasRefused ? of(this.#record) : this.#source.watch(this.key, this.#notBefore);
  }

  #eventOf(record: ExecutionRecord | undefined): ExecutionEvent {
    if (record === undefined) throw new ExecutionNotFoundError(this.key);
    this.#record = record;
    const { key, name, state, attempt, when, reason } = record;
    const progress = record.progress && progressOf(record);
    return {
      key,
      name,
      state,
      attempt,
      when: new Date(when),
      ...(reason !== undefined && { reason }),
      ...(progress !== undefined && { progress }),
    };
  }
}

function progressOf({ progress }: ExecutionRecord): ExecutionProgress {
  const { current = 0, total = 100, message } = progress ?? {};
  return { current, total, message };
}

function resultOf({ key, state, result, error, reason = 'no reason given' }: ExecutionRecord): unknown {
  if (state === 'cancelled') throw new ExecutionCancelledError(key, reason);
  if (state === 'dropped') throw new ExecutionDroppedError(key, reason);
  if (error !== undefined && state === 'failed') throw restoreError(error);
  return result === undefined ? undefined : decodeResult(result);
}
