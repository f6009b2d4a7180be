import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { parseDuration, type Duration } from '../task/duration.js';
import type { TaskFunction } from '../task/task-parts.js';
import {
  BROKER,
  isEnded,
  LIVE_STATES,
  type Broker,
  type LiveState,
  type NewExecution,
  type WorkerInfo,
} from './brokers/broker.js';
import { CLOCK, type Clock } from './clock.js';
import { DurableRegistry } from './durable-registry.js';
import type { Execution } from './execution.js';
import { Executions } from './executions.js';
import { encodeArgs } from './payload.js';
import { TaskArgumentError, TaskNotRegisteredError } from './queue-errors.js';
import { QueueLog, type QueueCounts } from './queue-log.js';
import { QueueWorker } from './queue-worker.js';

/**
 * When and as what a task is added.
 *
 * @publicApi
 */
export interface AddOptions {
  /** Not before: a Date, or a Duration from now. Default: at once. */
  when?: Date | Duration | undefined;
  /** Any string that is not empty. While an execution with it has not ended, `add()` changes nothing. Default: unique. */
  key?: string | undefined;
  /** From 0, which comes first, to 2,097,151; first in first out within one. Default 0. */
  priority?: number | undefined;
  /** The task is declared in other processes only. Default `false`. */
  remote?: boolean | undefined;
}

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

const MAX_PRIORITY = 2_097_151;
/** The longest Duration: a number beyond it can only be a time, such as `Date.now() + 500`. */
const MAX_DURATION = 2 ** 31 - 1;
const LOOK_INTERVAL = 10;

type AnyTask = string | ((...args: never[]) => unknown);

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
    private readonly registry: DurableRegistry,
    private readonly executions: Executions,
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
  ): (...args: A) => Promise<Execution<Awaited<R>>>;
  add(task: string, options?: AddOptions): (...args: unknown[]) => Promise<Execution>;
  add(task: AnyTask, options: AddOptions = {}): (...args: unknown[]) => Promise<Execution<never>> {
    const name = this.nameOf(task, options);
    return async (...args) => {
      const execution = this.describe(name, args, options);
      const [added] = await this.broker.add([execution]);
      if (added === undefined) throw new Error('The broker has not told what became of an execution'); // a bug of ours
      this.log.counts[added.isNew ? 'added' : 'alreadyScheduled'] += 1;
      return (await this.handle(added.key, execution, added.isNew)) as Execution<never>;
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
  ): (...args: A) => Promise<Execution<Awaited<R>>>;
  replace(task: string, options: ReplaceOptions): (...args: unknown[]) => Promise<Execution>;
  replace(task: AnyTask, options: ReplaceOptions): (...args: unknown[]) => Promise<Execution<never>> {
    const name = this.nameOf(task, options);
    return async (...args) => {
      const { key } = options ?? {};
      const execution = { ...this.describe(name, args, options), key: requireKey(name, key) };
      await this.broker.replace(execution);
      this.log.counts.replaced += 1;
      return (await this.handle(key, execution, true)) as Execution<never>;
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
    for (const [key, limit] of Object.entries(starts)) {
      const record = await this.broker.get(key);
      const isLive = record !== undefined && !isEnded(record.state);
      this.worker.limits.set(key, limit, isLive ? record.starts : 0);
    }
    try {
      await this.runUntilFinished();
    } finally {
      for (const key of Object.keys(starts)) this.worker.limits.delete(key);
    }
  }

  private nameOf(task: AnyTask, options: AddOptions): string {
    const isRemote = (options as AddOptions | undefined)?.remote === true;
    if (typeof task === 'string' && task !== '' && isRemote) return task;
    if (typeof task !== 'string' && typeof task !== 'function')
      throw new TaskNotRegisteredError(task, this.registry.names);
    return this.registry.require(task).name;
  }

  private describe(name: string, args: readonly unknown[], { when, key, priority = 0 }: AddOptions): NewExecution {
    if (key !== undefined) requireKey(name, key);
    if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) {
      throw new TaskArgumentError(name, 'priority', priority, `a whole number from 0 to ${MAX_PRIORITY}`);
    }
    return { key, name, args: encodeArgs(name, args), priority, when: this.timeOf(name, when) };
  }

  private timeOf(name: string, when: Date | Duration | undefined): number | undefined {
    if (when === undefined) return undefined;
    const time = when instanceof Date ? when.getTime() : when;
    if (typeof time === 'number' && Number.isFinite(time) && (when instanceof Date || time > MAX_DURATION)) return time;
    try {
      return this.clock.now() + parseDuration('when', time);
    } catch {
      throw new TaskArgumentError(
        name,
        'when',
        when,
        "a valid Date, or a Duration from now such as 500, '30s' or '2d'",
      );
    }
  }

  /** What was just added is known; of what was there before only the broker knows. */
  private async handle(key: string, execution: NewExecution, isNew: boolean): Promise<Execution> {
    const now = this.clock.now();
    const { name, args, priority, when = now } = execution;
    const state = when > now ? 'scheduled' : 'queued';
    const added = { key, name, args, priority, when, state, addedAt: now, attempt: 1, starts: 0 } as const;
    const record = isNew ? added : ((await this.broker.get(key)) ?? added);
    return this.executions.of(record, isNew ? 'scheduled' : 'already-scheduled');
  }
}

function requireKey(where: string, key: unknown): string {
  if (typeof key === 'string' && key !== '') return key;
  throw new TaskArgumentError(where, 'key', key, 'a string that is not empty');
}

function totalOf(counts: Readonly<Record<LiveState, number>>): number {
  return LIVE_STATES.reduce((sum, state) => sum + counts[state], 0);
}
