import { Inject, Injectable } from '@nestjs/common';
import { Durable } from '../../decorators/durable.decorator.js';
import { TaskCancelledError } from '../../task/task-errors.js';
import { TaskContext } from '../../task/task-context.js';
import { BROKER, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import type { EndedFilter } from '../broker/ended.js';
import { LeaseLostError } from '../broker/queue-errors.js';
import { REASONS } from '../broker/reasons.js';
import { isEnded } from '../broker/record.js';
import { FORGET_ALL, RETRY_ALL } from '../declaration/built-in-tasks.js';
import { BulkState } from './bulk-state.js';

/**
 * Result of `queue.retryAll()` and `queue.forgetAll()`. `done` and `skipped` make up `matched`.
 *
 * @publicApi
 */
export interface BulkOutcome {
  /** Number of executions that matched when the run began. */
  readonly matched: number;
  readonly done: number;
  /** Number of those that were left alone: their key was taken, or they were gone. */
  readonly skipped: number;
}

/** Executions that are taken at once, where nothing is said of a pace. */
const AT_ONCE = 10;
/** Executions in hand: after kill -9, these are looked at again. */
const HAND = 100;
/** Executions that one look counts. */
const COUNTED = 1_000;

const RETRY = { attempts: 10, delay: '1s', maxDelay: '1m' } as const;

/** Takes an execution that has ended until a time. @returns whether it was taken. */
type Take = (id: string, until: number) => Promise<boolean>;

interface Work {
  readonly filter: EndedFilter;
  readonly perSecond: number | null;
  readonly take: Take;
  /** Tasks that are left alone, whatever the filter. */
  readonly spared: readonly string[];
}

/** Bulk work on ended executions, as durable tasks: it goes on in another worker when its own dies. */
@Injectable()
export class BulkTasks {
  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly context: TaskContext,
  ) {}

  @Durable(RETRY_ALL, { retry: RETRY })
  retryAll(filter: EndedFilter, perSecond: number | null): Promise<BulkOutcome> {
    const take: Take = async (id, until) => (await this.broker.ended.retry(id, until)) === 'retried';
    // Two that begin each other again would never end, and one that forgets would forget what has ended since.
    return this.run({ filter, perSecond, take, spared: [RETRY_ALL, FORGET_ALL] });
  }

  @Durable(FORGET_ALL, { retry: RETRY })
  forgetAll(filter: EndedFilter): Promise<BulkOutcome> {
    const take: Take = (id, until) => this.broker.ended.forget(id, until);
    return this.run({ filter, perSecond: null, take, spared: [] });
  }

  private async run(work: Work): Promise<BulkOutcome> {
    const { key, progress } = this.context;
    const known = await BulkState.load(this.broker.maps, key);
    const state = known ?? (await this.begin(key, work));
    if (state.matched > 0) progress.total(state.matched);
    if (state.seen > 0) progress.increment(state.seen);
    try {
      await this.takeHand(state, work, known !== undefined);
      while (await this.fillHand(state, work)) await this.takeHand(state, work, false);
    } catch (error) {
      await this.leave(state).catch(() => {}); // the first error says more
      throw error;
    }
    await state.erase();
    return state.outcome;
  }

  /** Leaves the work to the next start, where there is to be one. */
  private async leave(state: BulkState): Promise<void> {
    const { signal } = this.context;
    const { reason }: { reason?: unknown } = signal.reason instanceof TaskCancelledError ? signal.reason : {};
    if (reason instanceof LeaseLostError) return; // another worker has gone on with it, perhaps
    if (!signal.aborted || reason === REASONS.shutdown()) await state.save();
    else await state.erase();
  }

  private async begin(key: string, work: Work): Promise<BulkState> {
    await this.eraseLeft();
    const now = this.clock.now();
    const state = new BulkState(this.broker.maps, key, Math.min(work.filter.until ?? now, now));
    let cursor: string | undefined;
    do {
      const page = await this.page(state, work, COUNTED, cursor);
      state.matched += page.ids.length;
      ({ cursor } = page);
      this.context.signal.throwIfAborted();
    } while (cursor !== undefined);
    await state.save();
    return state;
  }

  /** Erases what runs have left that were cancelled, or failed for good. */
  private async eraseLeft(): Promise<void> {
    for (const state of await BulkState.loadAll(this.broker.maps)) {
      const record = await this.broker.executions.get(state.key);
      if (record === undefined || isEnded(record.state)) await state.erase();
    }
  }

  /** @returns whether there is anything in it. */
  private async fillHand(state: BulkState, work: Work): Promise<boolean> {
    if (state.isLast) return false;
    const { ids, cursor } = await this.page(state, work, HAND, state.cursor);
    state.fill(ids, cursor);
    await state.save();
    return state.hand.length > 0 || !state.isLast;
  }

  private async page(
    { until }: BulkState,
    { filter, spared }: Work,
    limit: number,
    from: string | undefined,
  ): Promise<{ ids: string[]; cursor: string | undefined }> {
    const look = { limit, cursor: from, isBrief: true };
    const { records, cursor } = await this.broker.ended.page({ ...filter, until }, look);
    return { ids: records.filter(({ name }) => !spared.includes(name)).map(({ id }) => id), cursor };
  }

  /** @param isAgain set where another process may have taken some of it already. */
  private async takeHand(state: BulkState, { perSecond, take }: Work, isAgain: boolean): Promise<void> {
    const { signal, progress } = this.context;
    while (state.hand.length > 0) {
      signal.throwIfAborted();
      const started = this.clock.now();
      const ids = state.hand.slice(0, perSecond === null ? AT_ONCE : 1);
      const taken = await Promise.all(ids.map((id) => this.takeOne(id, state.until, take, isAgain)));
      state.note(taken);
      progress.increment(ids.length);
      if (perSecond !== null) await this.clock.sleep(started + 1_000 / perSecond - this.clock.now(), signal);
    }
  }

  private async takeOne(id: string, until: number, take: Take, isAgain: boolean): Promise<boolean> {
    if (await take(id, until)) return true;
    if (!isAgain) return false;
    const status = await this.broker.executions.find(id, id);
    return status?.endedAt === undefined || status.endedAt > until;
  }
}
