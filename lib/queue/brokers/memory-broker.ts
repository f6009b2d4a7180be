import type { Clock } from '../clock.js';
import { LeaseLostError } from '../queue-errors.js';
import {
  type AddedExecution,
  type Book,
  type Broker,
  type Claim,
  type EndState,
  type EntryName,
  type ExecutionRecord,
  type KeyedExecution,
  type Listing,
  type LiveState,
  type NewExecution,
  type ProgressRecord,
  type Recovery,
  type Renewal,
  type Settlement,
  type Signal,
  type WorkerInfo,
} from './broker.js';
import type { Admission, Gate, PoolRecord } from './gates/gate.js';
import { MemoryGates } from './gates/memory-gates.js';
import { Timetable } from './timetable.js';

interface MemoryBrokerOptions {
  /** In milliseconds, like all of them. */
  readonly lease: number;
  readonly retention: number;
  readonly clock: Clock;
  readonly workerId: string;
}

/** Before all priorities: others wait for the slot that it has been handed. */
const FIRST = -1;
const NO_BOOK: Book = { version: '', entries: new Map() };

interface Entry {
  readonly id: string;
  record: ExecutionRecord;
  crashes: number;
  lease?: { readonly token: string; until: number } | undefined;
  cancellation?: string | undefined;
  replacement?: KeyedExecution | undefined;
}

/**
 * Keeps executions in this process: the same rules as any broker's, and no durability. What is not done when the process
 * ends is lost.
 */
export class MemoryBroker implements Broker {
  readonly label = 'The memory broker';
  readonly isShared = false;

  private readonly entries = new Map<string, Entry>();
  private readonly ended = new Map<string, { readonly record: ExecutionRecord; readonly until: number }>();
  private readonly timetable = new Timetable<Entry>();
  private readonly waiters = new Set<() => void>();
  private readonly listeners = new Set<(signal: Signal) => void>();
  private readonly byId = new Map<string, Entry>();
  private readonly books = new Map<string, { readonly version: string; readonly entries: Map<string, string> }>();
  private readonly gates: MemoryGates;
  /** Tokens of claims that are in line for a slot, until they are settled. */
  private readonly inLine = new Set<string>();
  private readonly announced = new Map<string, WorkerInfo>();
  private readonly counts: Record<LiveState, number> = { scheduled: 0, queued: 0, parked: 0, running: 0, retrying: 0 };
  private disarm: (() => void) | undefined;
  private number = 0;

  constructor(private readonly options: MemoryBrokerOptions) {
    this.gates = new MemoryGates(options.clock, options.lease);
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  add(executions: readonly NewExecution[]): Promise<AddedExecution[]> {
    return Promise.resolve(executions.map((execution) => this.addOne(execution)));
  }

  replace(execution: KeyedExecution): Promise<void> {
    this.place(execution);
    return Promise.resolve();
  }

  cancel(key: string, reason: string): Promise<'cancelled' | 'signalled' | 'not-found'> {
    const entry = this.entries.get(key);
    if (entry === undefined) return Promise.resolve('not-found');
    if (entry.record.state === 'running') {
      entry.replacement = undefined;
      entry.cancellation = reason;
      this.tell({ type: 'cancel', id: entry.id, reason });
      return Promise.resolve('signalled');
    }
    this.end(entry, 'cancelled', { reason });
    return Promise.resolve('cancelled');
  }

  get(key: string): Promise<ExecutionRecord | undefined> {
    this.promote();
    this.expire();
    return Promise.resolve(this.entries.get(key)?.record ?? this.ended.get(key)?.record);
  }

  size(): Promise<number> {
    return Promise.resolve(this.entries.size);
  }

  list(limit: number): Promise<Listing> {
    this.promote();
    const records: ExecutionRecord[] = [];
    for (const { record } of this.entries.values()) {
      if (records.length === limit) break;
      records.push(record);
    }
    return Promise.resolve({ counts: { ...this.counts }, records });
  }

  clear(reason: string): Promise<number> {
    let cleared = 0;
    for (const entry of this.entries.values()) {
      if (entry.replacement !== undefined) cleared += 1;
      entry.replacement = undefined;
      if (entry.record.state === 'running') continue;
      this.end(entry, 'cancelled', { reason });
      cleared += 1;
    }
    return Promise.resolve(cleared);
  }

  claim(): Promise<Claim | undefined> {
    return Promise.resolve(this.claimNow());
  }

  waitForWork(signal: AbortSignal): Promise<void> {
    this.promote();
    if (signal.aborted || this.timetable.hasDue) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        if (this.waiters.size === 0) this.disarm?.();
        resolve();
      };
      this.waiters.add(wake);
      signal.addEventListener('abort', wake);
      this.arm();
    });
  }

  async settle(claim: Claim, settlement: Settlement, claimNext: boolean): Promise<Claim | undefined> {
    const entry = this.heldBy(claim);
    if (entry === undefined) throw new LeaseLostError(claim.record.key);
    entry.lease = undefined;
    const { replacement } = entry;
    // In line for a slot, or put off until a time that is kept for it, it comes back for that.
    const isInLine = this.inLine.delete(claim.token) && settlement.type === 'park';
    const hasPlace = settlement.type === 'release' && settlement.isUnstarted === true;
    if (hasPlace) this.wakeAll(this.gates.release(entry.id, claim.token));
    else if (!isInLine) this.wakeAll(this.gates.forget(entry.id));
    this.settleRun(entry, settlement);
    if (this.gates.isHandedOver(entry.id)) this.wakeAll([entry]);
    if (replacement !== undefined) {
      entry.replacement = undefined;
      this.place(replacement);
    }
    return claimNext ? this.claimNow() : undefined;
  }

  renew(claims: readonly Claim[]): Promise<Renewal> {
    const lost: Claim[] = [];
    const cancelled = new Map<Claim, string>();
    for (const claim of claims) {
      const entry = this.heldBy(claim);
      if (entry?.lease === undefined) {
        lost.push(claim);
        continue;
      }
      entry.lease.until = this.options.clock.now() + this.options.lease;
      if (entry.cancellation !== undefined) cancelled.set(claim, entry.cancellation);
    }
    this.gates.renew(claims.filter((claim) => !lost.includes(claim)));
    return Promise.resolve({ lost, cancelled });
  }

  recover(): Promise<Recovery> {
    this.expire();
    const now = this.options.clock.now();
    let crashed = 0;
    for (const entry of this.entries.values()) {
      if (entry.record.state !== 'running' || (entry.lease !== undefined && entry.lease.until > now)) continue;
      entry.lease = undefined;
      entry.crashes += 1;
      crashed += 1;
      this.enqueue(entry);
    }
    const { woken, nextAt } = this.gates.sweep();
    this.wakeAll(woken);
    return Promise.resolve({ crashed, ...(nextAt !== undefined && { againAt: nextAt }) });
  }

  wake(key: string): Promise<boolean> {
    const entry = this.entries.get(key);
    if (entry?.record.state !== 'parked') return Promise.resolve(false);
    this.enqueue(entry);
    return Promise.resolve(true);
  }

  admit({ id, token, record }: Claim, gates: readonly Gate[]): Promise<Admission> {
    const { key, run, attempt, since } = record;
    const order = id.slice(1).padStart(15, '0'); // the number of its addition
    const { admission, woken } = this.gates.admit({ id, key, token, run, attempt, order, since }, gates);
    this.wakeAll(woken);
    if (admission.type === 'waits') this.inLine.add(token);
    return Promise.resolve(admission);
  }

  pools(): Promise<PoolRecord[]> {
    return Promise.resolve(this.gates.pools());
  }

  setProgress(claim: Claim, progress: ProgressRecord): Promise<void> {
    const entry = this.heldBy(claim);
    if (entry !== undefined) this.update(entry, { progress });
    return Promise.resolve();
  }

  readBook(book: string, version?: string): Promise<Book | undefined> {
    const known = this.books.get(book) ?? NO_BOOK;
    return Promise.resolve(known.version === version ? undefined : known);
  }

  writeEntry(book: string, field: string, value: string, owner?: EntryName): Promise<void> {
    if (owner !== undefined && this.books.get(owner.book)?.entries.has(owner.field) !== true) return Promise.resolve();
    this.changeBook(book, (entries) => entries.set(field, value));
    return Promise.resolve();
  }

  eraseEntry(book: string, field: string, expected?: string): Promise<boolean> {
    const value = this.books.get(book)?.entries.get(field);
    const wasThere = value !== undefined && value === (expected ?? value);
    if (wasThere) this.changeBook(book, (entries) => entries.delete(field));
    return Promise.resolve(wasThere);
  }

  eraseBook(book: string): Promise<void> {
    this.books.delete(book);
    return Promise.resolve();
  }

  announce(worker: WorkerInfo): Promise<void> {
    this.announced.set(worker.id, worker);
    return Promise.resolve();
  }

  leave(workerId: string): Promise<void> {
    this.announced.delete(workerId);
    return Promise.resolve();
  }

  workers(): Promise<WorkerInfo[]> {
    const oldest = this.options.clock.now() - 2 * this.options.lease;
    for (const { id, seenAt } of this.announced.values()) if (seenAt < oldest) this.announced.delete(id);
    return Promise.resolve([...this.announced.values()]);
  }

  publish(signal: Signal): Promise<void> {
    this.tell(signal);
    return Promise.resolve();
  }

  subscribe(listener: (signal: Signal) => void): Promise<() => void> {
    this.listeners.add(listener);
    return Promise.resolve(() => this.listeners.delete(listener));
  }

  close(): Promise<void> {
    this.disarm?.();
    for (const wake of this.waiters) wake();
    this.listeners.clear();
    return Promise.resolve();
  }

  private changeBook(book: string, change: (entries: Map<string, string>) => void): void {
    const entries = this.books.get(book)?.entries ?? new Map<string, string>();
    change(entries);
    this.number += 1;
    this.books.set(book, { version: String(this.number), entries });
    this.tell({ type: 'book', book });
  }

  /** Those who have got what they were parked for. */
  private wakeAll(guests: readonly { readonly id: string }[]): void {
    for (const { id } of guests) {
      const entry = this.byId.get(id);
      if (entry?.record.state === 'parked') this.enqueue(entry, FIRST);
    }
  }

  private place(execution: KeyedExecution): void {
    const entry = this.entries.get(execution.key);
    if (entry?.record.state === 'running') {
      entry.replacement = execution;
      return;
    }
    if (entry !== undefined) this.forget(entry);
    this.addOne(execution);
  }

  private addOne({ key, name, args, priority, when, addedAt, extras }: NewExecution): AddedExecution {
    const now = this.options.clock.now();
    this.number += 1;
    const id = `m${this.number}`;
    const own = key ?? `${now.toString(36)}-${id}`;
    if (this.entries.has(own)) return { key: own, isNew: false };
    const record: ExecutionRecord = {
      key: own,
      name,
      args,
      priority,
      state: 'scheduled',
      when: when ?? now,
      since: when ?? now,
      addedAt: addedAt ?? now,
      run: 1,
      attempt: 1,
      starts: 0,
      ...(extras !== undefined && { extras }),
    };
    const entry: Entry = { id, record, crashes: 0 };
    this.ended.delete(own);
    this.entries.set(own, entry);
    this.byId.set(id, entry);
    this.counts.scheduled += 1;
    this.schedule(entry, 'scheduled', record.when);
    return { key: own, isNew: true };
  }

  private settleRun(entry: Entry, settlement: Settlement): void {
    switch (settlement.type) {
      case 'complete':
        return this.complete(entry, settlement.result);
      case 'fail':
        return this.end(entry, 'failed', { error: settlement.error });
      case 'cancel':
        return this.end(entry, 'cancelled', { reason: settlement.reason });
      case 'drop':
        return this.end(entry, 'dropped', { reason: settlement.reason });
      case 'retry':
        entry.crashes = 0;
        this.update(entry, { attempt: entry.record.attempt + 1, error: settlement.error });
        return this.schedule(entry, 'retrying', settlement.at);
      case 'reschedule': {
        const { error: _error, reason: _reason, progress: _progress, ...record } = entry.record;
        const { at, args, error, reason } = settlement;
        entry.crashes = 0;
        entry.record = {
          ...record,
          attempt: 1,
          run: record.run + 1,
          args,
          since: at,
          ...(error && { error }),
          ...(reason !== undefined && { reason }),
        };
        return this.schedule(entry, 'scheduled', at);
      }
      case 'release': {
        const { at, reason, isUnstarted } = settlement;
        this.update(entry, { reason, starts: entry.record.starts - (isUnstarted === true ? 1 : 0) });
        if (at === undefined) return this.enqueue(entry);
        return this.schedule(entry, entry.record.attempt > 1 ? 'retrying' : 'scheduled', at);
      }
      case 'park':
        this.update(entry, { reason: settlement.reason, starts: entry.record.starts - 1 });
        return this.move(entry, 'parked');
    }
  }

  private claimNow(): Claim | undefined {
    this.promote();
    const entry = this.timetable.take();
    if (entry === undefined) return undefined;
    this.number += 1;
    const token = String(this.number);
    entry.lease = { token, until: this.options.clock.now() + this.options.lease };
    const { progress: _progress, ...before } = entry.record; // that of an earlier start
    entry.record = { ...before, starts: before.starts + 1, worker: this.options.workerId };
    this.move(entry, 'running');
    const { id, record, crashes, cancellation } = entry;
    return { id, token, record, crashes, cancellation };
  }

  private heldBy({ record, id, token }: Claim): Entry | undefined {
    const entry = this.entries.get(record.key);
    const isHeld = entry?.id === id && entry.lease?.token === token && entry.lease.until > this.options.clock.now();
    return isHeld ? entry : undefined;
  }

  /** Puts it where it waits for its time, or into the queue when that has come. */
  private schedule(entry: Entry, state: 'scheduled' | 'retrying', when: number): void {
    this.update(entry, { when });
    if (when <= this.options.clock.now()) return this.enqueue(entry);
    this.timetable.schedule(entry, when);
    this.move(entry, state);
    this.arm();
  }

  private enqueue(entry: Entry, rank = entry.record.priority): void {
    this.timetable.enqueue(entry, rank); // before others are told, who may look at once
    this.move(entry, 'queued');
    const [wake] = this.waiters;
    wake?.();
  }

  /** Moves what is due by now into the queue. */
  private promote(): void {
    const now = this.options.clock.now();
    for (let entry = this.timetable.takeOverdue(now); entry !== undefined; entry = this.timetable.takeOverdue(now)) {
      this.enqueue(entry);
    }
  }

  /** Sees to it that those who wait for work are woken when something comes due. */
  private arm(): void {
    this.disarm?.();
    this.disarm = undefined;
    const { nextAt } = this.timetable;
    if (nextAt === undefined || this.waiters.size === 0) return;
    this.disarm = this.options.clock.schedule(nextAt - this.options.clock.now(), () => {
      this.promote();
      this.arm();
    });
  }

  private move(entry: Entry, state: LiveState): void {
    this.counts[entry.record.state as LiveState] -= 1;
    this.counts[state] += 1;
    this.update(entry, { state });
    this.tell({ type: 'changed', key: entry.record.key });
  }

  private update(entry: Entry, change: Partial<ExecutionRecord>): void {
    entry.record = { ...entry.record, ...change };
  }

  private complete(entry: Entry, result: string): void {
    // Those of earlier attempts say nothing of one that has completed.
    const { error: _error, reason: _reason, ...record } = entry.record;
    entry.record = record;
    this.end(entry, 'completed', { result });
  }

  private end(entry: Entry, state: EndState, change: Partial<ExecutionRecord>): void {
    this.forget(entry);
    const endedAt = this.options.clock.now();
    const { retention } = this.options;
    if (retention > 0) {
      const record = { ...entry.record, ...change, state, endedAt };
      this.ended.delete(record.key); // so that the map stays in the order of ends
      this.ended.set(record.key, { record, until: endedAt + retention });
    }
    this.expire();
    this.tell({ type: 'changed', key: entry.record.key });
  }

  private forget(entry: Entry): void {
    this.timetable.withdraw(entry);
    this.counts[entry.record.state as LiveState] -= 1;
    this.entries.delete(entry.record.key);
    this.byId.delete(entry.id);
    // If it has ever come to a gate, it has been put off for a reason.
    if (entry.record.reason !== undefined) this.wakeAll(this.gates.forget(entry.id));
  }

  private expire(): void {
    const now = this.options.clock.now();
    for (const [key, { until }] of this.ended) {
      if (until > now) return;
      this.ended.delete(key);
    }
  }

  private tell(signal: Signal): void {
    for (const listener of this.listeners) listener(signal);
  }
}
