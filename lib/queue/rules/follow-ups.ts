import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { BROKER, QUIET, type Broker } from '../broker/broker.js';
import { REASONS } from '../broker/reasons.js';
import { isAwaited, readNumber, readStored } from '../broker/stored.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import type { FollowUpStore } from '../client/follow-up-store.js';
import { QueueLog } from '../log/queue-log.js';
import type { Rule, RuledRun } from './rule.js';
import { outcomeOf, readOutcome, settledOutcome, toOutcome, type StoredOutcome } from './stored-outcome.js';
import {
  isEnded,
  type AwaitedExecution,
  type ExecutionExtras,
  type ExecutionRecord,
  type ExecutionStatus,
} from '../broker/record.js';
import type { Settlement } from '../broker/settlement.js';

/** Execution that waits for others. */
interface FollowUp {
  readonly key: string;
  readonly after: readonly AwaitedExecution[];
  /** Time of its entry, in milliseconds since the epoch. */
  readonly since: number;
}

const NONE: ExecutionExtras = {};

/** Map of all waiting executions, by an id of their own. Each has a map of outcomes, by position. */
const MAP = 'fan-ins';
const outcomesOf = (id: string): string => `${QUIET}fan-in:${id}`;
/** Age of an entry whose execution was never added, in milliseconds: the process died after the entry was written. */
const ORPHAN_AGE = 60_000;
/** Number of looks at a time: at awaited executions, and at waiting ones. */
const LOOKS = 50;
const SWEEPS = 10;

/** Lets executions follow when others have ended, and keeps how those ended until then. */
@Injectable()
export class FollowUps implements Rule, FollowUpStore {
  private waiting = new Map<string, FollowUp>();
  /** Waiting executions by the id of an awaited one, with its position. */
  private awaited = new Map<string, { readonly id: string; readonly at: number }[]>();
  /** Keys of awaited executions, by id. */
  private awaitedKeys = new Map<string, string>();
  private version: string | undefined;
  private reading: Promise<void> | undefined;
  private mustReadAgain = false;
  private isHearing = false;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly log: QueueLog,
  ) {}

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
    await this.broker.maps.write(MAP, id, JSON.stringify(followUp));
    for (const [at, record] of ended) await this.note(id, at, outcomeOf(record));
  }

  /** Removes the entry of a follow-up that was never added or has ended. */
  async forget(key: string, after: readonly AwaitedExecution[]): Promise<void> {
    const id = idOf(key, after);
    await this.broker.maps.erase(MAP, id, { owned: outcomesOf(id) });
  }

  /** Begins to hear of those that wait. */
  async prepare(): Promise<void> {
    if (this.isHearing) return;
    await this.broker.signals.subscribe((signal) => {
      // What is missed is found by a sweep.
      if (signal.type === 'map' && signal.map === MAP) this.read().catch(() => {});
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
    const { key } = run.claim.record;
    const id = idOf(key, after);
    let stored = await this.look(id, after);
    // What runs again has no entry any more, and awaits one that runs again as well. Ends are noted from then on.
    if (stored.size < after.length && (await this.expectAgain(id, key, after))) stored = await this.look(id, after);
    if (stored.size < after.length) return { type: 'park', reason: REASONS.after() };
    run.follow(after.map((execution, at) => toOutcome(execution, stored.get(at) ?? { state: 'forgotten' })));
    return undefined;
  }

  /** @returns whether there was no entry, and is one now. */
  private async expectAgain(id: string, key: string, after: readonly AwaitedExecution[]): Promise<boolean> {
    await this.read();
    if (this.waiting.has(id)) return false;
    await this.expect(key, after, new Map());
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
    if (outcome === undefined) return;
    const { after } = record.extras ?? {};
    if (after !== undefined && after.length > 0) await this.forget(record.key, after);
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
      await this.note(id, at, outcome);
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
    if (isKnown && !isEnded(record.state)) await this.wakeIfComplete(id, { key, after, since });
    else if (isKnown || since + ORPHAN_AGE < this.clock.now()) await this.forget(key, after);
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
    const map = await this.broker.maps.read(MAP, this.version);
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
    if ((await this.broker.maps.size(outcomesOf(id))) >= followUp.after.length) await this.wakeIfComplete(id, followUp);
  }

  private async wakeIfComplete(id: string, { key, after }: FollowUp): Promise<void> {
    const stored = await this.look(id, after);
    if (stored.size === after.length) await this.broker.runs.wake(key);
  }

  /** Returns the known outcomes of awaited executions; ends elsewhere are noted. */
  private async look(id: string, after: readonly AwaitedExecution[]): Promise<Map<number, StoredOutcome>> {
    const map = await this.broker.maps.read(outcomesOf(id));
    const stored = new Map<number, StoredOutcome>();
    const foretold = new Map<number, StoredOutcome>();
    for (const [at, text] of map?.entries ?? []) {
      const outcome = readStored(text, readOutcome);
      // One that cannot be read is looked for again.
      if (outcome === undefined || Number(at) >= after.length) continue;
      (outcome.isForetold === true ? foretold : stored).set(Number(at), outcome);
    }
    const missing = [...after.entries()].filter(([at]) => !stored.has(at));
    for (let from = 0; from < missing.length; from += LOOKS) {
      const looks = missing.slice(from, from + LOOKS).map(async ([at, execution]) => {
        const outcome = await this.lookAt(id, at, execution, foretold.get(at));
        if (outcome !== undefined) stored.set(at, outcome);
      });
      await Promise.all(looks);
    }
    return stored;
  }

  /** @returns how it has ended, if it has. */
  private async lookAt(
    id: string,
    at: number,
    execution: AwaitedExecution,
    foretold: StoredOutcome = { state: 'forgotten' },
  ): Promise<StoredOutcome | undefined> {
    const status = await this.broker.executions.find(execution.id, execution.key);
    if (status !== undefined && !isEnded(status.state)) return undefined;
    const { isForetold: _isForetold, ...outcome } = status === undefined ? foretold : outcomeOf(status);
    await this.note(id, at, outcome);
    return outcome;
  }

  private async noteAll(execution: string, outcome: StoredOutcome): Promise<void> {
    for (const { id, at } of this.awaited.get(execution) ?? []) await this.note(id, at, outcome);
  }

  private async note(id: string, at: number, outcome: StoredOutcome): Promise<void> {
    // Of one that waits no more, nobody will ask.
    const owner = { map: MAP, field: id };
    await this.broker.maps.write(outcomesOf(id), String(at), JSON.stringify(outcome), owner);
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
