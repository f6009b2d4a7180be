import { firstValueFrom, from, of, throwError, type Observable } from 'rxjs';
// Not from 'rxjs', which has the operators since 7.2: Nest takes 7.1.
import { filter, map, switchMap, takeUntil, takeWhile, timeout as failAfter } from 'rxjs/operators';
import { parseDuration, type Duration } from '../../task/duration.js';
import { KnownOptions } from '../../task/known-options.js';
import type { Cancellation } from '../broker/broker.js';
import { logLinesOf, type ExecutionLogLine } from './execution-log.js';
import { progressOf, type ExecutionProgress } from './execution-progress.js';
import type { ExecutionSource, Sighting } from './execution-source.js';
import { resultOf } from './execution-result.js';
import { trailEntriesOf, type TrailEntry } from './trail-entry.js';
import { decodeArgs } from '../declaration/payload.js';
import { ExecutionNotFoundError, ResultTimeoutError } from '../broker/queue-errors.js';
import { REASONS } from '../broker/reasons.js';
import { restoreError } from '../declaration/stored-error.js';
import {
  isEnded,
  type Disposition,
  type ExecutionRecord,
  type ExecutionState,
  type ExecutionStatus,
} from '../broker/record.js';

/**
 * State of an execution at one moment.
 *
 * @publicApi
 */
export interface ExecutionEvent {
  readonly key: string;
  readonly name: string;
  readonly state: ExecutionState;
  /** Attempt, from 1. */
  readonly attempt: number;
  /** Time at which it is due, or was. */
  readonly when: Date;
  /** Reason why it is parked, was cancelled, dropped or handed back: see docs/messages.md. */
  readonly reason?: string;
  /** Progress of its run, once the task has set it. */
  readonly progress?: ExecutionProgress;
}

const RESULT = new KnownOptions<{ timeout?: Duration | undefined }>({ timeout: true }, { ttl: 'timeout' });

/**
 * Durable execution, as it was last seen here. `refresh()`, `events$` and `result()` look again, in whichever
 * process it runs. They never speak of the next execution under its key.
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
  #disposition: Disposition | undefined;

  /** Returns the record, for the library's own use. @internal */
  static recordOf(execution: Execution): ExecutionRecord {
    return execution.#record;
  }

  /** @internal */
  constructor(record: ExecutionRecord, source: ExecutionSource, disposition?: Disposition) {
    this.#record = record;
    this.#source = source;
    this.#disposition = disposition;
  }

  /**
   * Result of `add()`; `undefined` where the execution was looked up. With `transaction`, what the broker has said since, as
   * of the last look.
   */
  get disposition(): Disposition | undefined {
    return this.#disposition;
  }

  /** Identifies it for ever: no other execution gets the same id. */
  get id(): string {
    return this.#record.id;
  }

  /** Identifies it as long as it has not ended; then the key is free again. */
  get key(): string {
    return this.#record.key;
  }

  /** Name of the task. */
  get name(): string {
    return this.#record.name;
  }

  get args(): readonly unknown[] {
    return decodeArgs(this.#record.args);
  }

  /** Time at which it is due, or was. */
  get when(): Date {
    return new Date(this.#record.when);
  }

  /** Attempt that runs or comes next, or was the last; from 1. */
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

  /** Reason why it is parked, was cancelled, dropped or handed back: see docs/messages.md. */
  get reason(): string | undefined {
    return this.#record.reason;
  }

  /** Progress of its run, as the task has set it; 0 of 100 until then. */
  get progress(): ExecutionProgress {
    return progressOf(this.#record);
  }

  /** Time of its addition. */
  get addedAt(): Date {
    return new Date(this.#record.addedAt);
  }

  /** Time of its last start. */
  get startedAt(): Date | undefined {
    return dateOf(this.#record.startedAt);
  }

  get endedAt(): Date | undefined {
    return dateOf(this.#record.endedAt);
  }

  /** The last 20 things that happened to it, oldest first: why it has waited, failed and gone on. */
  get trail(): readonly TrailEntry[] {
    return trailEntriesOf(this.#record);
  }

  /** Error of its failure; while it waits for its next attempt, of the last one. */
  get error(): Error | undefined {
    return this.#record.error && restoreError(this.#record.error);
  }

  /** Worker that runs it, or was the last to. */
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
    const status = await this.#source.find(this.#record);
    if (status !== undefined) this.#see(status);
    else if (this.#record.isUncommitted !== true) throw new ExecutionNotFoundError(this.key);
    return this;
  }

  /**
   * Emits its state now, and each state that it is seen in from then on. States that it passes through quickly may be missed.
   * Completes when it has ended, when the queue does not know it any more, and when the application shuts down. Never
   * errors: an outage of the broker is waited for.
   */
  get events$(): Observable<ExecutionEvent> {
    return this.#watch().pipe(
      filter((sighting) => sighting.type === 'seen'),
      map(({ status }) => this.#eventOf(status)),
      takeWhile(({ state }) => !isEnded(state), true),
      takeUntil(this.#source.closing$),
    );
  }

  /**
   * Resolves to what the task returned, when it has.
   *
   * @param options `timeout`: rejects with {@link ResultTimeoutError} after it; the execution goes on. Default: waits on.
   * Rejects with {@link TaskWaitError} before the application has started, where the only worker starts after that.
   * Rejects with the task's error, by name, message, code, stack and cause, when it failed for good; with
   * {@link ExecutionCancelledError}, also when another was put in its place by `replace()`; {@link ExecutionDroppedError};
   * with {@link ExecutionNotFoundError} when it has ended longer ago than the queue's `retention`, and 10 seconds; with
   * {@link TaskResultError} when the task returned what cannot be stored; with {@link BrokerUnavailableError} when the
   * broker cannot be reached, or the application shuts down.
   */
  async result(options: { timeout?: Duration | undefined } = {}): Promise<R> {
    RESULT.check(options, 'result()');
    const { timeout } = options;
    const wait = this.#wasRefused ? undefined : this.#source.checkWait(this.#record);
    if (wait !== undefined) await wait;
    const limit = timeout === undefined ? undefined : parseDuration('result().timeout', timeout);
    const ended = this.#watch().pipe(filter((sighting) => sighting.type !== 'seen' || isEnded(sighting.status.state)));
    const last = await firstValueFrom(
      limit === undefined
        ? ended
        : ended.pipe(
            failAfter({
              first: limit,
              with: () => this.#failLate(limit),
            }),
          ),
    );
    if (last.type === 'forgotten') throw new ExecutionNotFoundError(this.key);
    if (last.type === 'unreachable') throw last.error;
    this.#see(last.status);
    return resultOf(this.#record) as R;
  }

  /**
   * Asks that it does not run, or stops: in whichever process it runs, its signal is aborted. Another execution that has
   * its key by now is left alone.
   *
   * @param reason up to 1 kB.
   * @returns `'cancelled'` when it will not run, `'signalled'` when it runs and was asked to stop, `'not-found'` when it
   * has ended.
   */
  async cancel(reason = REASONS.cancelledByHandle()): Promise<Cancellation> {
    if (this.#wasRefused) return 'not-found';
    return this.#source.cancel(this.key, reason, this.#record);
  }

  /**
   * Returns the last lines that its runs have written to `context.logger`, of all attempts, oldest first: as many as
   * `queue: { logs }` keeps. Those of a run that goes on are there with its progress.
   *
   * @throws {BrokerUnavailableError} when the broker cannot be reached.
   * @example
   * ```ts
   * for (const { at, level, message } of await execution.logs()) console.log(at, level, message);
   * ```
   */
  async logs(): Promise<ExecutionLogLine[]> {
    return this.#wasRefused ? [] : logLinesOf(await this.#source.logs(this.#record));
  }

  /** Returns the answer of a handler that returns the execution. Without the arguments. */
  toJSON(): Record<string, unknown> {
    const { key, name, state, attempt, when, disposition } = this;
    const progress = this.#record.progress && this.progress;
    return { key, name, state, attempt, when, ...(progress !== undefined && { progress }), disposition };
  }

  #failLate(limit: number): Observable<never> {
    const { key, state } = this;
    const reason = state === 'running' ? of(undefined) : from(this.#source.reasonToWait(this.#record));
    return reason.pipe(switchMap((why) => throwError(() => new ResultTimeoutError(key, limit, state, why))));
  }

  /** Tells whether it was struck when it was to be added: the queue does not know it, and its key may be another's. */
  get #wasRefused(): boolean {
    return this.disposition === 'struck' && this.#record.state === 'dropped';
  }

  #watch(): Observable<Sighting> {
    return this.#wasRefused ? of({ type: 'seen', status: this.#record }) : this.#source.watch(this.#record);
  }

  #see(status: ExecutionStatus): void {
    const { args, extras } = this.#record;
    this.#disposition = status.disposition ?? this.#disposition;
    this.#record = { args, ...status, ...(extras !== undefined && { extras }) };
  }

  #eventOf(status: ExecutionStatus): ExecutionEvent {
    this.#see(status);
    const { key, name, state, attempt, when, reason } = status;
    const progress = status.progress && progressOf(this.#record);
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

function dateOf(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
