import { Inject, Injectable } from '@nestjs/common';
import type { TaskFunction } from '../task/task-parts.js';
import type { TaskResult } from '../task/task-result.js';
import type { ArgumentsCall } from './client/arguments-call.js';
import { Agenda } from './client/agenda.js';
import { FollowUpQueue } from './client/follow-up-queue.js';
import { FollowUpStore } from './client/follow-up-store.js';
import type { Strike, StrikeCondition, StrikeOperator } from './rules/strike.js';
import { Pause, type PauseOptions } from './rules/pause.js';
import { Strikes, type StrikeOptions } from './rules/strikes.js';
import { BROKER, type Broker } from './broker/broker.js';
import { workerInfoOf, type WorkerInfo } from './client/worker-info.js';
import { Workers } from './client/workers.js';
import { CLOCK, type Clock } from './broker/clock.js';
import { QUEUE_ADD, QUEUE_REPLACE, type AddOptions, type AnyTask, type ReplaceOptions } from './client/adding-call.js';
import { ExecutionWriter } from './client/execution-writer.js';
import type { Execution } from './client/execution.js';
import { ExecutionHandles } from './client/execution-handles.js';
import type { QueueCounts } from './log/queue-counts.js';
import { QueueLog } from './log/queue-log.js';
import { limitPoolOf, listedOf, snapshotOf, type LimitPool, type QueueSnapshot } from './queue-snapshot.js';
import { QueueWorker } from './worker/queue-worker.js';
import { runLimited, runUntilFinished } from './worker/run-to-end.js';
import { REASONS } from './broker/reasons.js';
import { requireKey } from './broker/short-text.js';
import type { TaskName } from './declaration/task-name.js';

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
    private readonly adder: ExecutionWriter,
    private readonly executions: ExecutionHandles,
    private readonly fleetStrikes: Strikes,
    private readonly followUps: FollowUpStore,
    private readonly pauseRule: Pause,
    private readonly worker: QueueWorker,
    private readonly fleet: Workers,
    private readonly log: QueueLog,
  ) {}

  /** Counts of events in this process since the application started. */
  get counts(): QueueCounts {
    return { ...this.log.counts };
  }

  /**
   * Records an execution, which some worker of the fleet then runs, at least once. Resolves when the broker has it.
   *
   * While an execution with the same key has not ended, nothing is changed and the `disposition` is
   * `'already-scheduled'`.
   *
   * @param task a method with `@Durable()`, its name, or a {@link taskName}.
   * @returns a function that takes the task's arguments, which travel as JSON with Date, Map, Set, bigint and undefined.
   * Without this second call nothing is added.
   * @throws {TaskNotRegisteredError} when this process declares no such task and `remote` is not set. At once.
   * @throws {TaskArgumentError} when an option or an argument cannot be used; when an option does not exist, at once.
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
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  add<A extends unknown[], R>(
    task: TaskName<TaskFunction<A, R>>,
    options?: AddOptions,
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  add(task: string, options?: AddOptions): ArgumentsCall<unknown[], Promise<Execution>>;
  add(
    task: AnyTask,
    options: AddOptions = {},
    ...rest: unknown[]
  ): ArgumentsCall<unknown[], Promise<Execution<never>>> {
    return this.adder.expectArguments(QUEUE_ADD, task, options, rest, (name, args) => {
      return this.adder.addOne(name, args, options) as Promise<Execution<never>>;
    });
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
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  replace<A extends unknown[], R>(
    task: TaskName<TaskFunction<A, R>>,
    options: ReplaceOptions,
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  replace(task: string, options: ReplaceOptions): ArgumentsCall<unknown[], Promise<Execution>>;
  replace(
    task: AnyTask,
    options: ReplaceOptions,
    ...rest: unknown[]
  ): ArgumentsCall<unknown[], Promise<Execution<never>>> {
    return this.adder.expectArguments(QUEUE_REPLACE, task, options, rest, async (name, args) => {
      const addition = this.adder.describe(name, args, options);
      return (await this.adder.replace(addition, requireKey(name, options.key))) as Execution<never>;
    });
  }

  /**
   * Asks that an execution does not run, or stops: wherever in the fleet it runs, its signal is aborted. Neither a retry
   * nor a replacement follows.
   *
   * @param reason up to 1 kB.
   * @returns `'cancelled'` when it will not run, `'signalled'` when it runs and was asked to stop, `'not-found'` when no
   * execution with this key is left to run.
   */
  cancel(key: string, reason = REASONS.cancelledByQueue()): Promise<'cancelled' | 'signalled' | 'not-found'> {
    return this.executions.cancel(requireKey('cancel()', key), reason);
  }

  /** Returns the execution that has the key, or was the last to have it and ended less than `retention` ago. */
  async get(key: string): Promise<Execution | undefined> {
    const record = await this.broker.executions.get(requireKey('get()', key));
    return record && this.executions.of(record);
  }

  /**
   * Returns executions that have not ended, of all processes.
   *
   * @param options `limit`: at most so many executions are listed; the counts are of all. Default 1,000.
   */
  async snapshot(options: { limit?: number | undefined } = {}): Promise<QueueSnapshot> {
    const [listing, workers] = await Promise.all([this.broker.executions.list(listedOf(options)), this.workers()]);
    return snapshotOf(new Date(this.clock.now()), listing, this.executions, workers);
  }

  /** Returns the workers of the fleet that are ready to claim, or busy. */
  async workers(): Promise<readonly WorkerInfo[]> {
    return (await this.fleet.present(this.worker.info())).map(workerInfoOf);
  }

  /** Returns the pools of `@ConcurrencyLimit()` with holders or waiters, in the whole fleet. */
  async limits(): Promise<LimitPool[]> {
    return (await this.broker.limits.pools()).map(limitPoolOf);
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
  after(executions: readonly Execution[]): FollowUpQueue {
    return new FollowUpQueue(executions, this.adder, this.followUps);
  }

  /** Returns a new, empty agenda: executions to be spread evenly over a time. */
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
   * @param options `where`: parameter, operator and value, instead of before the options; `mode`: `'drop'` (the default)
   * ends what is struck, `'hold'` parks it until `restore()`; `reason`; `expiresIn`.
   * @throws {TasksUsageError} `UNKNOWN_PARAMETER` when this process declares the task, and it has no such parameter.
   * @throws {TaskArgumentError} when something else cannot be used.
   * @example
   * ```ts
   * await this.queue.strike(this.orders.process);
   * await this.queue.strike(null, 'customerId', '==', '12345', { reason: 'chargebacks', expiresIn: '1d' });
   * await this.queue.strike(this.orders.process, { where: ['amount', '>', 10_000], mode: 'hold' });
   * ```
   */
  strike(task: AnyTask, options?: StrikeOptions): Promise<Strike>;
  strike(task: null, options: StrikeOptions & { where: StrikeCondition }): Promise<Strike>;
  strike(
    task: AnyTask | null,
    parameter?: string,
    operator?: StrikeOperator,
    value?: unknown,
    options?: Omit<StrikeOptions, 'where'>,
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
      ? this.fleetStrikes.strike(name, undefined, undefined, undefined, parameter)
      : this.fleetStrikes.strike(name, parameter, operator, value, options);
  }

  /**
   * Takes a strike back: that on the same task, parameter, operator and value. What it holds goes on.
   *
   * @returns whether there was one.
   */
  restore(task: AnyTask | null, condition: { where: StrikeCondition }): Promise<boolean>;
  restore(task: AnyTask | null, parameter?: string, operator?: StrikeOperator, value?: unknown): Promise<boolean>;
  async restore(
    task: AnyTask | null,
    parameter?: string | { where: StrikeCondition },
    operator?: StrikeOperator,
    value?: unknown,
  ): Promise<boolean> {
    const name = task === null ? null : this.adder.nameOf(task, true);
    return typeof parameter === 'object' && parameter !== null
      ? this.fleetStrikes.restore(name, undefined, undefined, undefined, parameter)
      : this.fleetStrikes.restore(name, parameter, operator, value);
  }

  /** Returns the strikes in force. */
  async strikes(): Promise<readonly Strike[]> {
    await this.fleetStrikes.load();
    return this.fleetStrikes.all;
  }

  /**
   * Pauses the queue: within a second no worker of the fleet starts an execution. Runs go on, additions are accepted, and a
   * perpetual task has one next run. The pause survives restarts.
   *
   * @throws {TaskArgumentError} when the reason is longer than 1 kB.
   */
  pause(options: PauseOptions = {}): Promise<void> {
    return this.pauseRule.pause(options);
  }

  /** Ends the pause. @returns whether the queue was paused. */
  resume(): Promise<boolean> {
    return this.pauseRule.resume();
  }

  isPaused(): Promise<boolean> {
    return this.pauseRule.isPaused();
  }

  /**
   * Cancels everything that is not running. The keys are free at once.
   *
   * @returns how many executions that were.
   */
  async clear(): Promise<number> {
    const count = await this.broker.executions.clear(REASONS.cleared());
    if (count > 0) this.log.cleared(count);
    // What followed them is to know, also where no worker is there to see it.
    if (count > 0) await this.followUps.sweep().catch((error: unknown) => this.log.disrupted(error));
    return count;
  }

  /**
   * Resolves when everything has ended, with what is scheduled for later. Runs a worker where this process has none.
   * For scripts and tests.
   */
  runUntilFinished(): Promise<void> {
    return runUntilFinished(this.broker, this.worker, this.pauseRule);
  }

  /**
   * Does the same with a limit on how often the executions of some keys run, which would otherwise go
   * on for ever. Every run of the key since it was added counts; when it has had its number it is cancelled.
   *
   * @throws {TaskArgumentError} when a number is not a whole one from 0.
   * @example
   * ```ts
   * await queue.runAtMost({ 'orders.findPending': 3 });
   * ```
   */
  async runAtMost(starts: Readonly<Record<string, number>>): Promise<void> {
    await runLimited(this.broker, this.executions, this.worker.limits, starts, () => this.runUntilFinished());
  }
}
