import { Inject } from '@nestjs/common';
import { REASONS } from './broker/reasons.js';
import { requireKey } from './broker/short-text.js';
import type { AnyTask } from './client/adding-call.js';
import type { BulkOutcome } from './client/bulk-tasks.js';
import type { EndedQuery } from './client/ended-query.js';
import type { Execution } from './client/execution.js';
import type { BulkOptions } from './client/history.js';
import { ExecutionWriter } from './client/execution-writer.js';
import type { ExecutionTarget } from './client/execution-listing.js';
import { FollowUpStore } from './client/follow-up-store.js';
import { ManualStarts, type ManualStart } from './client/manual-starts.js';
import { QueueViews } from './queue-views.js';
import type { PauseOptions } from './rules/pause.js';
import type { Strike, StrikeCondition, StrikeOperator } from './rules/strike.js';
import { Strikes, type StrikeOptions } from './rules/strikes.js';

/** Part of `TaskQueue` that acts on what was added, in the whole fleet. */
export abstract class QueueControl extends QueueViews {
  @Inject(ExecutionWriter) protected readonly adder!: ExecutionWriter;
  @Inject(Strikes) protected readonly fleetStrikes!: Strikes;
  @Inject(ManualStarts) protected readonly manualStarts!: ManualStarts;
  @Inject(FollowUpStore) protected readonly followUps!: FollowUpStore;

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

  /**
   * Keeps executions from running, in the whole fleet within a second, until they are restored: all of a task, or those
   * of a task, or of any, by an argument. Those that run are left alone. Of several strikes any is enough.
   *
   * @param task a method, or any name; `null` for all tasks.
   * @param parameter the name of a parameter, or a key of a single object argument.
   * @param operator `==`, `!=`, `<`, `<=`, `>`, `>=`, `between` with `[low, high]`, `in` with a list. Strings are
   * compared by their characters. A value of another type is never struck.
   * @param options `where`: parameter, operator and value, instead of before the options; `mode`: `'drop'` (the default)
   * ends what is struck, `'hold'` parks it until `restore()`; `reason`; `by`; `expiresIn`.
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
   * @throws {TaskArgumentError} when the reason is longer than 1 kB, or `by` than 200 characters.
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
   * Runs an ended execution again under its key, with its arguments and priority; attempts and crashes count anew. It is
   * the same execution: it leaves the ended ones, and its old error stays in the trail only.
   *
   * @param target a key, of which the last execution is meant, or an Execution.
   * @returns `'already-scheduled'` when it has not ended, or another one has its key by now; `'not-found'` when it is
   * forgotten.
   * @throws {TaskArgumentError} when the target cannot be used.
   */
  async retry(target: string | Execution): Promise<'retried' | 'already-scheduled' | 'not-found'> {
    return this.endedOnes.retry(target);
  }

  /**
   * Runs all ended executions again that match when its own run begins. It is an execution of a built-in task: any worker
   * runs it, and goes on with it when another has died. It has progress, and can be cancelled.
   *
   * @param options `perSecond`: number of executions to retry in a second, up to 10,000. Default: as fast as it goes.
   * @throws {TaskArgumentError} when an option cannot be used, or the filter has no condition.
   * @example
   * ```ts
   * const bulk = await this.queue.retryAll({ state: 'failed', task: 'partner.send', since: '3h' }, { perSecond: 50 });
   * const { matched, done, skipped } = await bulk.result();
   * ```
   */
  async retryAll(filter: EndedQuery, options: BulkOptions = {}): Promise<Execution<BulkOutcome>> {
    return this.endedOnes.retryAll(filter, options);
  }

  /** Forgets an ended execution. What lives is left alone. @returns whether it did. */
  async forget(target: string | Execution): Promise<boolean> {
    return this.endedOnes.forget(target);
  }

  /**
   * Forgets all ended executions that match when its own run begins, as `retryAll()` retries them.
   *
   * @throws {TaskArgumentError} when an option cannot be used, or the filter has no condition.
   */
  async forgetAll(filter: EndedQuery): Promise<Execution<BulkOutcome>> {
    return this.endedOnes.forgetAll(filter);
  }

  /**
   * Starts an execution before its time: one that is scheduled, or waits for its next attempt. A perpetual task goes on by its
   * schedule.
   *
   * @internal
   */
  runNow(target: ExecutionTarget): Promise<ManualStart> {
    return this.manualStarts.runNow(target);
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
}
