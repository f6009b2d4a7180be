import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import { REASONS } from '../broker/reasons.js';
import { isAwaited, readNumber, readStored } from '../broker/stored.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { storedFor } from '../broker/retention.js';
import type { FollowUpStore } from '../client/follow-up-store.js';
import { QueueLog } from '../log/queue-log.js';
import type { Rule, RuledRun } from './rule.js';
import { AwaitedOutcomes, FAN_INS, type OutcomeKeeper } from './awaited-outcomes.js';
import { outcomeOf, settledOutcome, toOutcome, type StoredOutcome } from './stored-outcome.js';
import {
  isEnded,
  type AwaitedExecution,
  type EndState,
  type ExecutionExtras,
  type ExecutionRecord,
  type ExecutionStatus,
} from '../broker/record.js';
import { endOf, isEnd, type Settlement } from '../broker/settlement.js';

/** Execution that waits for others. */
interface FollowUp {
  readonly key: string;
  readonly after: readonly AwaitedExecution[];
  /** Time of its entry, in milliseconds since the epoch. */
  readonly since: number;
}

const NONE: ExecutionExtras = {};

/** Age of an entry whose execution was never added, in milliseconds: the process died after the entry was written. */
const ORPHAN_AGE = 60_000;
/** Number of waiting executions that a sweep looks at, at a time. */
const SWEEPS = 10;

/** Lets executions follow when others have ended, and keeps how those ended until then. */
@Injectable()
export class FollowUps implements Rule, FollowUpStore {
  private waiting = new Map<string, FollowUp>();
  /** Waiting executions by the id of an awaited one, with its position. */
  private awaited = new Map<string, { readonly id: string; readonly at: number }[]>();
  /** Keys of awaited executions, by id. */
  private awaitedKeys = new Map<string, string>();
  private readonly outcomes: AwaitedOutcomes;
  private version: string | undefined;
  private reading: Promise<void> | undefined;
  private mustReadAgain = false;
  private isHearing = false;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    private readonly log: QueueLog,
  ) {
    this.outcomes = new AwaitedOutcomes(broker);
  }

  /**
   * Writes down what an execution waits for, before it is added: ends are noted from then on.
   *
   * @param ended those of which it is known already how they ended.
   */
  async expect(
    key: string,
    after: readonly AwaitedExecution[],
    ended: ReadonlyMap<number, ExecutionRecord>,
  ): Promise<void> {
    const id = idOf(key, after);
    const followUp: FollowUp = { key, after, since: this.clock.now() };
    await this.broker.maps.write(FAN_INS, id, JSON.stringify(followUp));
    for (const [at, record] of ended) await this.outcomes.note(id, at, outcomeOf(record));
  }

  /** Removes the entry of a follow-up that was never added. */
  forget(key: string, after: readonly AwaitedExecution[]): Promise<void> {
    return this.outcomes.release(idOf(key, after));
  }

  /** Begins to hear of those that wait. */
  async prepare(): Promise<void> {
    if (this.isHearing) return;
    await this.broker.signals.subscribe((signal) => {
      // What is missed is found by a sweep.
      if (signal.type === 'map' && signal.map === FAN_INS) this.read().catch(() => {});
      else if (signal.type === 'changed' && this.awaitedKeys.has(signal.id)) this.hear(signal.id).catch(() => {});
    });
    this.isHearing = true;
    await this.sweep();
  }

  beforeRun(run: RuledRun): Promise<Settlement | undefined> | undefined {
    const { after } = run.claim.record.extras ?? NONE;
    return after === undefined || after.length === 0 ? undefined : this.askFor(run, after);
  }

  /**
   * Notes the outcome before the settlement: the worker may die before it can tell, and the record may be forgotten by
   * then.
   */
  beforeSettlement({ claim: { record } }: RuledRun, settlement: Settlement): Promise<void> | undefined {
    if (!this.concerns(record)) return undefined;
    const outcome = settledOutcome(settlement);
    return outcome && this.noteAll(record.id, { ...outcome, isForetold: true });
  }

  afterRun({ claim: { record }, stoppedBy }: RuledRun, settlement: Settlement): Promise<void> | undefined {
    if (settlement.type === 'park') return stoppedBy === this ? this.parked(record) : undefined;
    return this.concerns(record) ? this.settled(record, settlement) : undefined;
  }

  private async askFor(run: RuledRun, after: readonly AwaitedExecution[]): Promise<Settlement | undefined> {
    const { record } = run.claim;
    const id = idOf(record.key, after);
    let stored = await this.outcomes.look(id, after);
    if (!areAllKnown(stored, after) && (await this.expectAgain(id, record, after))) {
      stored = await this.outcomes.look(id, after);
    }
    if (stored.size < after.length) return { type: 'park', reason: REASONS.after() };
    run.follow(after.map((execution, at) => toOutcome(execution, stored.get(at) ?? { state: 'forgotten' })));
    return undefined;
  }

  /**
   * Writes down again what a retried execution waits for: it has no entry any more. What it awaits may run again as well,
   * or be forgotten.
   *
   * @returns whether there was no entry, and is one now.
   */
  private async expectAgain(id: string, record: ExecutionRecord, after: readonly AwaitedExecution[]): Promise<boolean> {
    await this.read();
    if (this.waiting.has(id)) return false;
    await this.outcomes.restore(id, record.id); // before others see the entry, and note what is newer
    await this.expect(record.key, after, new Map());
    return true;
  }

  /** Tells whether another execution waits for this one, or it has waited itself. */
  concerns(record: ExecutionRecord): boolean {
    return record.extras?.after !== undefined || this.awaited.has(record.id);
  }

  /** Notes the cancellation of an execution that may not run: no worker may be there to see it. */
  async foretellCancellation({ id }: Pick<AwaitedExecution, 'id'>, reason: string): Promise<void> {
    await this.read();
    await this.noteAll(id, { state: 'cancelled', reason, isForetold: true });
  }

  /** Notes the end of a run, and forgets its own entry. */
  private async settled(record: ExecutionRecord, settlement: Settlement): Promise<void> {
    const outcome = settledOutcome(settlement);
    if (outcome === undefined || !isEnd(settlement)) return;
    const { after } = record.extras ?? {};
    if (after !== undefined && after.length > 0) await this.release(record, after, endOf(settlement));
    await this.noteEnd(record, outcome);
  }

  /**
   * Looks at an awaited execution that has changed: it may have been cancelled while it waited, which no run has
   * settled.
   */
  private async hear(id: string): Promise<void> {
    const key = this.awaitedKeys.get(id);
    const record = key === undefined ? undefined : await this.broker.executions.find(id, key);
    if (record !== undefined && isEnded(record.state)) await this.noteEnd(record, outcomeOf(record));
  }

  private async noteEnd(record: ExecutionStatus, outcome: StoredOutcome): Promise<void> {
    for (const { id, at } of this.awaited.get(record.id) ?? []) {
      await this.outcomes.note(id, at, outcome);
      const followUp = this.waiting.get(id);
      if (followUp !== undefined) await this.wakeIfNoted(id, followUp);
    }
  }

  /** Wakes an execution that was parked, if the last awaited one has ended meanwhile. */
  private async parked(record: ExecutionRecord): Promise<void> {
    const { after } = record.extras ?? {};
    if (after === undefined || after.length === 0) return;
    await this.wakeIfComplete(idOf(record.key, after), { key: record.key, after, since: 0 });
  }

  /** Catches up on missed ends: of processes that had not heard of an entry, or did not live to tell. */
  async sweep(): Promise<void> {
    await this.read();
    const waiting = [...this.waiting];
    for (let from = 0; from < waiting.length; from += SWEEPS) {
      await Promise.all(waiting.slice(from, from + SWEEPS).map(([id, followUp]) => this.sweepOne(id, followUp)));
    }
  }

  private async sweepOne(id: string, { key, after, since }: FollowUp): Promise<void> {
    const record = await this.broker.executions.get(key);
    const isKnown = record !== undefined && sameAfter(record.extras?.after, after);
    if (isKnown && isEnded(record.state)) await this.release(record, after, record.state);
    else if (isKnown) await this.wakeIfComplete(id, { key, after, since });
    else if (since + ORPHAN_AGE < this.clock.now()) await this.forget(key, after);
  }

  /** Removes the entry of a follow-up that has ended. It keeps the outcomes as long as it can be retried. */
  private release(
    { id, key, name }: ExecutionRecord,
    after: readonly AwaitedExecution[],
    end: EndState,
  ): Promise<void> {
    const keeper: OutcomeKeeper = { id, ttl: storedFor(this.options.retention.of(name, end)) };
    return this.outcomes.release(idOf(key, after), keeper);
  }

  /** Reads one look at a time, and once more for callers meanwhile: their entries may have come since. */
  private read(): Promise<void> {
    this.mustReadAgain = this.reading !== undefined;
    this.reading ??= this.readUntilQuiet().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async readUntilQuiet(): Promise<void> {
    do {
      this.mustReadAgain = false;
      await this.readNow();
    } while (this.mustReadAgain);
  }

  private async readNow(): Promise<void> {
    const map = await this.broker.maps.read(FAN_INS, this.version);
    if (map === undefined) return;
    this.version = map.version;
    this.waiting = new Map([...map.entries].flatMap(([id, text]) => this.decode(id, text)));
    this.awaited = new Map();
    this.awaitedKeys = new Map(
      [...this.waiting.values()].flatMap(({ after }) => after.map(({ id, key }) => [id, key])),
    );
    for (const [id, { after }] of this.waiting) {
      for (const [at, execution] of after.entries()) {
        this.awaited.set(execution.id, [...(this.awaited.get(execution.id) ?? []), { id, at }]);
      }
    }
  }

  private decode(id: string, text: string): [string, FollowUp][] {
    const followUp = readStored(text, ({ key, after, since }) => {
      const isWhole = typeof key === 'string' && key !== '' && readNumber(since) !== undefined;
      return isWhole && Array.isArray(after) && after.every(isAwaited)
        ? { key, after, since: since as number }
        : undefined;
    });
    if (followUp === undefined) this.log.unreadable(`fan-in ${id}`);
    return followUp === undefined ? [] : [[id, followUp]];
  }

  /** Counts first: each of many that end would read what is noted of all others. */
  private async wakeIfNoted(id: string, followUp: FollowUp): Promise<void> {
    if ((await this.outcomes.count(id)) >= followUp.after.length) await this.wakeIfComplete(id, followUp);
  }

  private async wakeIfComplete(id: string, { key, after }: FollowUp): Promise<void> {
    const stored = await this.outcomes.look(id, after);
    if (stored.size === after.length) await this.broker.runs.wake(key);
  }

  private async noteAll(execution: string, outcome: StoredOutcome): Promise<void> {
    for (const { id, at } of this.awaited.get(execution) ?? []) await this.outcomes.note(id, at, outcome);
  }
}

/** Returns an id that is the same in all processes. */
function idOf(key: string, after: readonly AwaitedExecution[]): string {
  return createHash('sha256')
    .update(JSON.stringify([key, after]))
    .digest('base64url');
}

function sameAfter(some: readonly AwaitedExecution[] | undefined, others: readonly AwaitedExecution[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}

/** Tells whether all have ended, and it is known of each how. */
function areAllKnown(stored: ReadonlyMap<number, StoredOutcome>, after: readonly AwaitedExecution[]): boolean {
  return stored.size === after.length && ![...stored.values()].some(({ state }) => state === 'forgotten');
}
