import { Inject } from '@nestjs/common';
import { BROKER, type Broker } from './broker/broker.js';
import { OUTBOX, type Outbox } from './broker/outbox/outbox.js';
import { CLOCK, type Clock } from './broker/clock.js';
import { requireKey } from './broker/short-text.js';
import { History, type FailureGroup, type HistoryPage } from './client/history.js';
import type { HistoryQuery } from './client/ended-query.js';
import type { Duration } from '../task/duration.js';
import type { Execution } from './client/execution.js';
import { ExecutionHandles } from './client/execution-handles.js';
import {
  ExecutionListing,
  type ExecutionTarget,
  type ListingFilter,
  type ListingLook,
  type ListingPage,
} from './client/execution-listing.js';
import { Timeline, type TimelineRow } from './client/timeline.js';
import { workerInfoOf, type WorkerInfo } from './client/worker-info.js';
import { Workers } from './client/workers.js';
import type { QueueCounts } from './log/queue-counts.js';
import { QueueLog } from './log/queue-log.js';
import { limitPoolOf, listedOf, snapshotOf, type LimitPool, type QueueSnapshot } from './queue-snapshot.js';
import { statsOf, type QueueStats } from './queue-stats.js';
import { Pause, type PauseState } from './rules/pause.js';
import { spanOf, type TimelineOptions } from './timeline-options.js';
import { QueueWorker } from './worker/queue-worker.js';

/** Part of `TaskQueue` that looks: at executions, workers and limits of the fleet. */
export abstract class QueueViews {
  @Inject(BROKER) protected readonly broker!: Broker;
  @Inject(CLOCK) protected readonly clock!: Clock;
  @Inject(ExecutionHandles) protected readonly executions!: ExecutionHandles;
  @Inject(QueueWorker) protected readonly worker!: Pick<QueueWorker, 'info'>;
  @Inject(Workers) protected readonly fleet!: Workers;
  @Inject(History) protected readonly endedOnes!: History;
  @Inject(ExecutionListing) protected readonly listing!: ExecutionListing;
  @Inject(Timeline) protected readonly rows!: Timeline;
  @Inject(Pause) protected readonly pauseRule!: Pause;
  @Inject(OUTBOX) protected readonly outbox!: Outbox | undefined;
  @Inject(QueueLog) protected readonly log!: QueueLog;

  /** Counts of events in this process since the application started. */
  get counts(): QueueCounts {
    return { ...this.log.counts };
  }

  /** Returns the execution that has the key, or was the last to have it and ended less than `retention` ago. */
  async get(key: string): Promise<Execution | undefined> {
    const record = await this.broker.executions.get(requireKey('get()', key));
    return record && this.executions.of(record);
  }

  /**
   * Lists executions, live ones by their next start, then ended ones, the newest first. Arguments are not read.
   *
   * @throws {TaskArgumentError} when the cursor is none of an earlier page.
   * @internal
   */
  page(filter: ListingFilter, look: ListingLook): Promise<ListingPage> {
    return this.listing.page(filter, look);
  }

  /** Counts ended executions that match. @internal */
  count(filter: ListingFilter): Promise<number> {
    return this.listing.count(filter);
  }

  /** Finds one execution, live or ended; with an id, also where its key was used again. @internal */
  async find(target: ExecutionTarget): Promise<Execution | undefined> {
    const record = await this.listing.find(target);
    return record && this.executions.of(record);
  }

  /** Returns the pause that is in force. @internal */
  pauseState(): Promise<PauseState | undefined> {
    return this.pauseRule.state();
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

  /**
   * Returns ended executions, the last to have ended first. A cursor stays right while executions end, expire and are
   * retried.
   *
   * @throws {TaskArgumentError} when an option cannot be used.
   * @example
   * ```ts
   * const { executions, cursor } = await this.queue.history({ state: 'failed', task: this.orders.process, since: '1d' });
   * ```
   */
  async history(query: HistoryQuery = {}): Promise<HistoryPage> {
    return this.endedOnes.page(query);
  }

  /**
   * Returns failed executions by task and kind of error, the most frequent first. The cost depends on the number of groups.
   *
   * @param options `since`: a Date, or a Duration ago. Default: all that are kept.
   * @throws {TaskArgumentError} when an option cannot be used.
   */
  async failures(options: { since?: Date | Duration | undefined } = {}): Promise<FailureGroup[]> {
    return this.endedOnes.failures(options);
  }

  /**
   * Counts the executions of the fleet that have not ended, by task and state, and tells how long the oldest of them waits:
   * for scaling and alerts. Arguments are not read. The cost grows with what waits: about a second for 200,000.
   *
   * An execution that replaces a running one is counted from the end of that.
   *
   * @throws {BrokerUnavailableError} when the broker cannot be reached.
   * @example
   * ```ts
   * const { total, tasks } = await this.queue.stats();
   * total.oldestWait; // 12_000: something has been due for 12 seconds
   * tasks['orders.process']?.waiting; // 340
   * ```
   */
  async stats(): Promise<QueueStats> {
    const [depths, isPaused] = await Promise.all([this.broker.executions.depths(), this.pauseRule.isPaused()]);
    const stats = statsOf(depths, isPaused, this.clock.now());
    return this.outbox === undefined ? stats : { ...stats, outbox: await this.outbox.table.depth() };
  }

  /**
   * Returns what happened to the executions of each task in the last 72 hours, step by step: counts, and percentiles of how
   * long they waited and ran, each off by 3.1 % at most. Rows without any count are left out.
   *
   * Each process writes its counts of a minute within five seconds after it, and when it shuts down. A process that is
   * killed takes those of its last minute with it. Executions that `clear()` cancels are not counted.
   *
   * @returns rows, the oldest first, then by task.
   * @throws {TaskArgumentError} when an option cannot be used.
   * @throws {BrokerUnavailableError} when the broker cannot be reached.
   * @example
   * ```ts
   * for (const { at, task, failed, wait } of await this.queue.timeline({ since: '6h', step: '10m' })) {
   *   console.log(at, task, failed, wait.p95);
   * }
   * ```
   */
  async timeline(options: TimelineOptions): Promise<TimelineRow[]> {
    return this.rows.rows(spanOf(options, this.clock.now()));
  }

  /** Returns the same for all tasks together: percentiles cannot be merged from rows. @internal */
  async timelineTotals(options: TimelineOptions): Promise<TimelineRow[]> {
    return this.rows.totals(spanOf(options, this.clock.now()));
  }

  /** Returns one row for each task: percentiles of the whole span cannot be made of those of its steps. @internal */
  async timelineByTask(options: Omit<TimelineOptions, 'step'>): Promise<TimelineRow[]> {
    const { from, to } = spanOf(options, this.clock.now());
    return this.rows.rows({ from, to, step: to - from });
  }

  /** Returns the workers of the fleet that are ready to claim, or busy. */
  async workers(): Promise<readonly WorkerInfo[]> {
    return (await this.fleet.present(this.worker.info())).map(workerInfoOf);
  }

  /** Returns the pools of `@ConcurrencyLimit()` with holders or waiters, in the whole fleet. */
  async limits(): Promise<LimitPool[]> {
    return (await this.broker.limits.pools()).map(limitPoolOf);
  }
}
