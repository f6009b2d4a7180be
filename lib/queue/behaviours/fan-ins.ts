import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { ExecutionOutcome } from '../../task/task-outcome.js';
import {
  BROKER,
  isEnded,
  type AwaitedExecution,
  type Broker,
  type EndState,
  type ExecutionRecord,
  type Settlement,
  type StoredError,
} from '../brokers/broker.js';
import { CLOCK, type Clock } from '../clock.js';
import { decodeResult, restoreError } from '../payload.js';
import { ExecutionCancelledError, ExecutionDroppedError, ExecutionNotFoundError } from '../queue-errors.js';

/** How an execution has ended, as it is stored for the one that follows. */
interface StoredOutcome {
  /** `forgotten`: it has ended, and nobody remembers how. */
  readonly state: EndState | 'forgotten';
  readonly result?: string;
  readonly error?: StoredError;
  readonly reason?: string;
}

/** An execution that waits for others. */
interface FanIn {
  readonly key: string;
  readonly after: readonly AwaitedExecution[];
  /** When it was written down, in milliseconds since the epoch. */
  readonly since: number;
}

/** All that wait, by an id of their own. Beside it, each has a book of outcomes, by position. */
const BOOK = 'fan-ins';
const outcomesOf = (id: string): string => `fan-in:${id}`;
/** It is written down before it is added. Where nobody has added it for so long, the process has died in between. */
const ORPHAN_AGE = 60_000;
/** How many are looked at at once. */
const LOOKS = 50;

/** Lets executions follow when others have ended, and keeps how those ended until then. */
@Injectable()
export class FanIns {
  private waiting = new Map<string, FanIn>();
  /** By who is awaited: which of them, and where in its list. */
  private awaited = new Map<string, { readonly id: string; readonly at: number }[]>();
  private awaitedKeys = new Set<string>();
  private version: string | undefined;
  private reading: Promise<void> | undefined;
  private mustReadAgain = false;
  private isHearing = false;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
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
    const fanIn: FanIn = { key, after, since: this.clock.now() };
    await this.broker.writeEntry(BOOK, id, JSON.stringify(fanIn));
    for (const [at, record] of ended) await this.note(id, at, outcomeOf(record));
  }

  /** It was not added after all, or has ended. */
  async forget(key: string, after: readonly AwaitedExecution[]): Promise<void> {
    const id = idOf(key, after);
    await this.broker.eraseEntry(BOOK, id);
    await this.broker.eraseBook(outcomesOf(id));
  }

  /** Begins to hear of those that wait. */
  async listen(): Promise<void> {
    if (this.isHearing) return;
    await this.broker.subscribe((signal) => {
      // What is missed is found by a sweep.
      if (signal.type === 'book' && signal.book === BOOK) this.read().catch(() => {});
      else if (signal.type === 'changed' && this.awaitedKeys.has(signal.key)) this.hear(signal.key).catch(() => {});
    });
    this.isHearing = true;
    await this.sweep();
  }

  /** @returns how those have ended that it is to follow, or nothing while some have not. */
  async outcomesFor({ key, extras }: ExecutionRecord): Promise<readonly ExecutionOutcome[] | undefined> {
    const after = extras?.after;
    if (after === undefined || after.length === 0) return [];
    const id = idOf(key, after);
    const stored = await this.look(id, after);
    if (stored.size < after.length) return undefined;
    return after.map((execution, at) => toOutcome(execution, stored.get(at) ?? { state: 'forgotten' }));
  }

  /** Whether anybody waits for the execution, or it has waited itself. */
  concerns(record: ExecutionRecord): boolean {
    return record.extras?.after !== undefined || (this.awaited.size > 0 && this.awaited.has(identityOf(record)));
  }

  /** A run has been settled here: whoever waits for that execution, or that waits no more. */
  async settled(record: ExecutionRecord, settlement: Settlement): Promise<void> {
    const outcome = settledOutcome(settlement);
    if (outcome === undefined) return;
    const { after } = record.extras ?? {};
    if (after !== undefined && after.length > 0) await this.forget(record.key, after);
    await this.noteEnd(record, outcome);
  }

  /** An execution that is awaited has changed: cancelled while it waited, perhaps, which no run has settled. */
  private async hear(key: string): Promise<void> {
    const record = await this.broker.get(key);
    if (record !== undefined && isEnded(record.state)) await this.noteEnd(record, outcomeOf(record));
  }

  private async noteEnd(record: ExecutionRecord, outcome: StoredOutcome): Promise<void> {
    const places = this.awaited.get(identityOf(record)) ?? [];
    for (const { id, at } of places) {
      await this.note(id, at, outcome);
      const fanIn = this.waiting.get(id);
      if (fanIn !== undefined) await this.wakeIfNoted(id, fanIn);
    }
  }

  /** It has been parked, perhaps after the last one ended. */
  async parked(record: ExecutionRecord): Promise<void> {
    const { after } = record.extras ?? {};
    if (after === undefined || after.length === 0) return;
    await this.wakeIfComplete(idOf(record.key, after), { key: record.key, after, since: 0 });
  }

  /** Whatever was missed: an end in a process that had not heard of it, or did not live to tell. */
  async sweep(): Promise<void> {
    await this.read();
    for (const [id, fanIn] of this.waiting) {
      const record = await this.broker.get(fanIn.key);
      const isKnown = record !== undefined && sameAfter(record.extras?.after, fanIn.after);
      if (isKnown && !isEnded(record.state)) await this.wakeIfComplete(id, fanIn);
      else if (isKnown || fanIn.since + ORPHAN_AGE < this.clock.now()) await this.forget(fanIn.key, fanIn.after);
    }
  }

  /** One look at a time, and another for those who ask meanwhile: what they ask about may have come since. */
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
    const book = await this.broker.readBook(BOOK, this.version);
    if (book === undefined) return;
    this.version = book.version;
    this.waiting = new Map([...book.entries].map(([id, text]) => [id, JSON.parse(text) as FanIn]));
    this.awaited = new Map();
    this.awaitedKeys = new Set([...this.waiting.values()].flatMap(({ after }) => after.map(({ key }) => key)));
    for (const [id, { after }] of this.waiting) {
      for (const [at, execution] of after.entries()) {
        const identity = identityOf(execution);
        this.awaited.set(identity, [...(this.awaited.get(identity) ?? []), { id, at }]);
      }
    }
  }

  /** Without a look at those of which nothing is noted yet: each of many that end would look at all of the others. */
  private async wakeIfNoted(id: string, { key, after }: FanIn): Promise<void> {
    const book = await this.broker.readBook(outcomesOf(id));
    if (book !== undefined && book.entries.size >= after.length) await this.broker.wake(key);
  }

  private async wakeIfComplete(id: string, { key, after }: FanIn): Promise<void> {
    const stored = await this.look(id, after);
    if (stored.size === after.length) await this.broker.wake(key);
  }

  /** What is known of those that are awaited; those that have ended elsewhere are noted. */
  private async look(id: string, after: readonly AwaitedExecution[]): Promise<Map<number, StoredOutcome>> {
    const book = await this.broker.readBook(outcomesOf(id));
    const stored = new Map<number, StoredOutcome>();
    for (const [at, text] of book?.entries ?? []) stored.set(Number(at), JSON.parse(text) as StoredOutcome);
    const missing = [...after.entries()].filter(([at]) => !stored.has(at));
    for (let from = 0; from < missing.length; from += LOOKS) {
      await Promise.all(missing.slice(from, from + LOOKS).map((entry) => this.lookAt(id, entry, stored)));
    }
    return stored;
  }

  private async lookAt(
    id: string,
    [at, execution]: readonly [number, AwaitedExecution],
    stored: Map<number, StoredOutcome>,
  ): Promise<void> {
    const record = await this.broker.get(execution.key);
    // Its key is free, or another execution has it.
    const isGone = record === undefined || record.addedAt !== execution.addedAt;
    if (!isGone && !isEnded(record.state)) return;
    const outcome: StoredOutcome = isGone ? { state: 'forgotten' } : outcomeOf(record);
    await this.note(id, at, outcome);
    stored.set(at, outcome);
  }

  private async note(id: string, at: number, outcome: StoredOutcome): Promise<void> {
    // Of one that waits no more, nobody will ask.
    const owner = { book: BOOK, field: id };
    await this.broker.writeEntry(outcomesOf(id), String(at), JSON.stringify(outcome), owner);
  }
}

/** The same in all processes. */
function idOf(key: string, after: readonly AwaitedExecution[]): string {
  return createHash('sha256')
    .update(JSON.stringify([key, after]))
    .digest('base64url');
}

function identityOf({ key, addedAt }: Pick<AwaitedExecution, 'key' | 'addedAt'>): string {
  return `${addedAt} ${key}`;
}

function sameAfter(some: readonly AwaitedExecution[] | undefined, others: readonly AwaitedExecution[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}

function outcomeOf({ state, result, error, reason }: ExecutionRecord): StoredOutcome {
  return {
    state: isEnded(state) ? state : 'forgotten',
    ...(result !== undefined && { result }),
    ...(error !== undefined && { error }),
    ...(reason !== undefined && { reason }),
  };
}

function settledOutcome(settlement: Settlement): StoredOutcome | undefined {
  switch (settlement.type) {
    case 'complete':
      return { state: 'completed', result: settlement.result };
    case 'fail':
      return { state: 'failed', error: settlement.error };
    case 'cancel':
      return { state: 'cancelled', reason: settlement.reason };
    case 'drop':
      return { state: 'dropped', reason: settlement.reason };
    default:
      return undefined;
  }
}

function toOutcome(
  { key, name }: AwaitedExecution,
  { state, result, error, reason = '' }: StoredOutcome,
): ExecutionOutcome {
  switch (state) {
    case 'completed':
      return { key, name, ...valueOf(result) };
    case 'failed':
      return { key, name, status: 'failed', error: error && restoreError(error) };
    case 'cancelled':
      return { key, name, status: 'cancelled', error: new ExecutionCancelledError(key, reason) };
    case 'dropped':
      return { key, name, status: 'discarded', error: new ExecutionDroppedError(key, reason) };
    case 'forgotten':
      return { key, name, status: 'failed', error: new ExecutionNotFoundError(key) };
  }
}

/** What a task returned that could not be stored is an error for those who ask for it. */
function valueOf(
  result: string | undefined,
): { status: 'succeeded'; value: unknown } | { status: 'failed'; error: unknown } {
  try {
    return { status: 'succeeded', value: result === undefined ? undefined : decodeResult(result) };
  } catch (error) {
    return { status: 'failed', error };
  }
}
