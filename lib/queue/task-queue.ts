import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Duration } from '../task/duration.js';
import type { TaskFunction } from '../task/task-parts.js';
import type { TaskResult } from '../task/task-result.js';
import { Agenda } from './behaviours/agenda.js';
import { FanInQueue } from './behaviours/fan-in-queue.js';
import { FanIns } from './behaviours/fan-ins.js';
import { parsePool } from './behaviours/gate-rules.js';
import type { Strike, StrikeOperator } from './behaviours/strike.js';
import { Strikes, type StrikeOptions } from './behaviours/strikes.js';
import { BROKER, isEnded, LIVE_STATES, type Broker, type LiveState, type WorkerInfo } from './brokers/broker.js';
import { CLOCK, type Clock } from './clock.js';
import { ExecutionAdder, requireKey, type AddOptions, type AnyTask } from './execution-adder.js';
import type { Execution } from './execution.js';
import { Executions } from './executions.js';
import { TaskArgumentError } from './queue-errors.js';
import { QueueLog, type QueueCounts } from './queue-log.js';
import { QueueWorker } from './queue-worker.js';
import { reasonOf } from './start-limits.js';

/**
 * When a task is to run instead of what its key stands for now.
 *
 * @publicApi
 */
export interface ReplaceOptions extends AddOptions {
  when: Date | Duration;
  key: string;
}

/**
 * What the queue holds that has not ended.
 *
 * @publicApi
 */
export interface QueueSnapshot {
  readonly taken: Date;
  /** How many there are in each state, and in all. */
  readonly counts: Readonly<Record<LiveState, number>>;
  readonly total: number;
  /** As many as were asked for. */
  readonly executions: readonly Execution[];
  readonly workers: readonly WorkerInfo[];
}

/**
 * The executions that share a limit of `@ConcurrencyLimit()`, for one value of what it counts by.
 *
 * @publicApi
 */
export interface LimitPool {
  /** The task that it belongs to, or the scope that tasks share. */
  readonly owner: string;
  /** What it counts by; `undefined` where all executions count together, or the pool is shared. */
  readonly parameter: string | undefined;
  /** The value that its executions have in common. */
  readonly value: unknown;
  /** How many may run at once. */
  readonly max: number;
  /** The keys of those that run. */
  readonly holders: readonly string[];
  /** The keys of those that wait, first in first out. */
  readonly waiters: readonly string[];
}

const LOOK_INTERVAL = 10;

/**
 * Adds executions of durable tasks, finds, replaces and cancels them, in whichever process they run. A singleton.
 *
 * @example
 * ```ts
 * const execution = await this.queue.add(this.orders.process, { key: `order:${id}`, when: '5m' })(id);
 * ```
 * @publicApi
 */
@Injectable()
export class TaskQueue {
  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly adder: ExecutionAdder,
    private readonly executions: Executions,
    private readonly strikeBook: Strikes,
    private readonly fanIns: FanIns,
    private readonly worker: QueueWorker,
    private readonly log: QueueLog,
  ) {}

  /** How often each thing has happened in this process since the application started. */
  get counts(): QueueCounts {
    return { ...this.log.counts };
  }

  /**
   * Records an execution, which some worker of the fleet then runs, at least once. Resolves when the broker has it.
   *
   * While an execution with the same key has not ended, nothing is changed and the `disposition` is
   * `'already-scheduled'`.
   *
   * @param task a method with `@Durable()`, or its name.
   * @returns a function that takes the task's arguments, which travel as JSON with Date, Map, Set, bigint and undefined.
   * @throws {TaskNotRegisteredError} when this process declares no such task and `remote` is not set. At once.
   * @throws {TaskArgumentError} when an option or an argument cannot be used.
   * @throws {BrokerUnavailableError} when the broker cannot be reached.
   * @example
   * ```ts
   * await this.queue.add(this.mail.send)('ada@example.com');
   * await this.queue.add(this.mail.remind, { key: `remind:${id}`, when: '1d' })(id);
   * ```
   */
  add<A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options?: AddOptions,
  ): (...args: A) => Promise<Execution<TaskResult<R>>>;
  add(task: string, options?: AddOptions): (...args: unknown[]) => Promise<Execution>;
  add(task: AnyTask, options: AddOptions = {}): (...args: unknown[]) => Promise<Execution<never>> {
    const name = this.adder.nameOf(task, (options as AddOptions | undefined)?.remote === true);
    return async (...args) => {
      const [execution] = await this.adder.add([this.adder.describe(name, args, options)]);
      return execution as Execution<never>;
    };
  }

  /**
   * Puts an execution in the place of the one that has the key: of a scheduled one at once; of a running one when its run
   * has settled, instead of any retry. Where the key is free, it adds.
   *
   * @throws what `add()` throws.
   * @example
   * ```ts
   * await this.queue.replace(this.mail.remind, { key: `remind:${id}`, when: '2d' })(id); // snooze
   * ```
   */
  replace<A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options: ReplaceOptions,
  ): (...args: A) => Promise<Execution<TaskResult<R>>>;
  replace(task: string, options: ReplaceOptions): (...args: unknown[]) => Promise<Execution>;
  replace(task: AnyTask, options: ReplaceOptions): (...args: unknown[]) => Promise<Execution<never>> {
    const { key, remote } = (options as ReplaceOptions | undefined) ?? {};
    const name = this.adder.nameOf(task, remote === true);
    return async (...args) => {
      const addition = this.adder.describe(name, args, options);
      return (await this.adder.replace(addition, requireKey(name, key))) as Execution<never>;
    };
  }

  /**
   * Asks that an execution does not run, or stops: wherever in the fleet it runs, its signal is aborted. Neither a retry
   * nor a replacement follows.
   *
   * @returns `'cancelled'` when it will not run, `'signalled'` when it runs and was asked to stop, `'not-found'` when no
   * execution with this key is left to run.
   */
  cancel(key: string, reason = 'by queue.cancel()'): Promise<'cancelled' | 'signalled' | 'not-found'> {
    return this.executions.cancel(requireKey('cancel()', key), reason);
  }

  /** The execution that has the key, or was the last to have it and ended less than `retention` ago. */
  async get(key: string): Promise<Execution | undefined> {
    const record = await this.broker.get(requireKey('get()', key));
    return record && this.executions.of(record);
  }

  /**
   * What has not ended, in all processes.
   *
   * @param options `limit`: at most so many executions are listed; the counts are of all. Default 1,000.
   */
  async snapshot({ limit = 1_000 }: { limit?: number | undefined } = {}): Promise<QueueSnapshot> {
    if (!Number.isInteger(limit) || limit < 0) {
      throw new TaskArgumentError('snapshot()', 'limit', limit, 'a whole number from 0');
    }
    const [{ counts, records }, workers] = await Promise.all([this.broker.list(limit), this.workers()]);
    return {
      taken: new Date(this.clock.now()),
      counts,
      total: totalOf(counts),
      executions: records.map((record) => this.executions.of(record)),
      workers,
    };
  }

  /** The workers of the fleet that are ready to claim, or busy. */
  async workers(): Promise<readonly WorkerInfo[]> {
    const workers = await this.broker.workers();
    const own = this.worker.info();
    if (own === undefined) return workers;
    return [...workers.filter(({ id }) => id !== own.id), own]; // it knows better than what it last announced
  }

  /** The pools of `@ConcurrencyLimit()` that somebody holds a slot of or waits for, in the whole fleet. */
  async limits(): Promise<LimitPool[]> {
    const pools = await this.broker.pools();
    return pools.map(({ pool, max, holders, waiters }) => {
      const { owner, parameter, value } = parsePool(pool);
      return {
        owner,
        parameter: parameter ?? undefined,
        value,
        max,
        holders: holders.map(({ key }) => key),
        waiters: waiters.map(({ key }) => key),
      };
    });
  }

  /**
   * Executions that follow when others have ended, however these ended: `context.outcomes` tells in the task.
   *
   * @param executions handles, of any process. One that is perpetual has ended only when its chain has.
   * @example
   * ```ts
   * const chunks = await Promise.all(ids.map((id) => this.queue.add(this.data.processChunk)(id)));
   * await this.queue.after(chunks).add(this.data.finalize, { key: `finalize:${id}` })(id);
   * ```
   */
  after(executions: readonly Execution[]): FanInQueue {
    return new FanInQueue(executions, this.adder, this.fanIns);
  }

  /** A new, empty agenda: executions to be spread evenly over a time. */
  agenda(): Agenda {
    return new Agenda(this.adder, this.clock);
  }

  /**
   * Keeps executions from running, in the whole fleet within a second, until they are restored: all of a task, or those
   * of a task, or of any, by an argument. Those that run are left alone. Of several strikes any is enough.
   *
   * @param task a method, or any name; `null` for all tasks.
   * @param parameter the name of a parameter, or a key of a single object argument.
   * @param operator `==`, `!=`, `<`, `<=`, `>`, `>=`, `between` with `[low, high]`, `in` with a list. Strings are
   * compared by their characters. A value of another type is never struck.
   * @param options `mode`: `'drop'` (the default) ends what is struck, `'hold'` parks it until `restore()`; `reason`;
   * `expiresIn`.
   * @throws {UnknownParameterError} when this process declares the task, and it has no such parameter.
   * @throws {TaskArgumentError} when something else cannot be used.
   * @example
   * ```ts
   * await this.queue.strike(this.orders.process);
   * await this.queue.strike(null, 'customerId', '==', '12345', { reason: 'chargebacks', expiresIn: '1d' });
   * await this.queue.strike(this.orders.process, 'amount', '>', 10_000, { mode: 'hold' });
   * ```
   */
  strike(task: AnyTask, options?: StrikeOptions): Promise<Strike>;
  strike(
    task: AnyTask | null,
    parameter?: string,
    operator?: StrikeOperator,
    value?: unknown,
    options?: StrikeOptions,
  ): Promise<Strike>;
  async strike(
    task: AnyTask | null,
    parameter?: string | StrikeOptions,
    operator?: StrikeOperator,
    value?: unknown,
    options: StrikeOptions = {},
  ): Promise<Strike> {
    const name = task === null ? null : this.adder.nameOf(task, true);
    return typeof parameter === 'object' && parameter !== null
      ? this.strikeBook.strike(name, undefined, undefined, undefined, parameter)
      : this.strikeBook.strike(name, parameter, operator, value, options);
  }

  /**
   * Takes a strike back: that on the same task, parameter, operator and value. What it holds goes on.
   *
   * @returns whether there was one.
   */
  async restore(
    task: AnyTask | null,
    parameter?: string,
    operator?: StrikeOperator,
    value?: unknown,
  ): Promise<boolean> {
    const name = task === null ? null : this.adder.nameOf(task, true);
    return this.strikeBook.restore(name, parameter, operator, value);
  }

  /** The strikes in force. */
  async strikes(): Promise<readonly Strike[]> {
    await this.strikeBook.load();
    return this.strikeBook.all;
  }

  /**
   * Cancels everything that is not running. The keys are free at once.
   *
   * @returns how many executions that were.
   */
  async clear(): Promise<number> {
    const count = await this.broker.clear('cleared from the queue');
    if (count > 0) this.log.cleared(count);
    return count;
  }

  /**
   * For scripts and tests: resolves when everything has ended, what is scheduled for later too. Runs a worker where this
   * process has none.
   */
  async runUntilFinished(): Promise<void> {
    this.worker.start();
    while ((await this.broker.size()) > 0) await sleep(LOOK_INTERVAL);
  }

  /**
   * For scripts and tests: the same, with a limit on how often the executions of some keys run, which would otherwise go
   * on for ever. Every run of the key since it was added counts; when it has had its number it is cancelled.
   *
   * @throws {TaskArgumentError} when a number is not a whole one from 0.
   * @example
   * ```ts
   * await queue.runAtMost({ 'orders.findPending': 3 });
   * ```
   */
  async runAtMost(starts: Readonly<Record<string, number>>): Promise<void> {
    for (const [key, limit] of Object.entries(starts)) {
      if (!Number.isInteger(limit) || limit < 0) {
        throw new TaskArgumentError('runAtMost()', key, limit, 'a whole number from 0');
      }
    }
    for (const [key, limit] of Object.entries(starts)) this.worker.limits.set(key, limit);
    for (const [key, limit] of Object.entries(starts)) await this.cancelSpent(key, limit);
    try {
      await this.runUntilFinished();
    } finally {
      for (const key of Object.keys(starts)) this.worker.limits.delete(key);
    }
  }

  /** One that has had its number would not start again; but it may be long until it would. */
  private async cancelSpent(key: string, limit: number): Promise<void> {
    const record = await this.broker.get(key);
    if (record === undefined || isEnded(record.state) || record.state === 'running' || record.starts < limit) return;
    await this.executions.cancel(key, reasonOf(limit));
  }
}

function totalOf(counts: Readonly<Record<LiveState, number>>): number {
  return LIVE_STATES.reduce((sum, state) => sum + counts[state], 0);
}
