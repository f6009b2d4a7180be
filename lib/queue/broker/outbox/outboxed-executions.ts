import { setTimeout as sleep } from 'node:timers/promises';
import type { Cancellation, ExecutionStore, Foretell, Listing } from '../broker.js';
import type { Clock } from '../clock.js';
import type { LiveFilter, LiveLook, LivePage } from '../live.js';
import type { TaskDepth } from '../queue-depth.js';
import {
  isEnded,
  type AddedExecution,
  type ChainSchedule,
  type ExecutionRecord,
  type ExecutionStatus,
  type KeyedExecution,
  type NewExecution,
} from '../record.js';
import type { Outbox } from './outbox.js';
import { endedStatus, ROW, waitingRecord, type OutboxEntry, type OutboxNote, type OutboxRow } from './outbox-row.js';

/** Time for which a row is kept that ended in the outbox, in milliseconds: for its handle. */
export const SETTLED_FOR = 3_600_000;
/** Interval of looks whether a relay has added a row that is to be cancelled, in milliseconds. */
const RELAY_LOOK = 10;
const MOST_CLEARED = 500;

/** Executions of a broker, with those that wait in the outbox. */
export class OutboxedExecutions implements ExecutionStore {
  constructor(
    private readonly inner: ExecutionStore,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  add(executions: readonly NewExecution[]): Promise<AddedExecution[]> {
    return this.inner.add(executions);
  }

  replace(execution: KeyedExecution): Promise<string> {
    return this.inner.replace(execution);
  }

  retime(known: ExecutionRecord, when: number, schedule?: ChainSchedule): Promise<boolean> {
    return this.inner.retime(known, when, schedule);
  }

  list(limit: number): Promise<Listing> {
    return this.inner.list(limit);
  }

  page(filter: LiveFilter, look: LiveLook): Promise<LivePage> {
    return this.inner.page(filter, look);
  }

  depths(): Promise<TaskDepth[]> {
    return this.inner.depths();
  }

  /** Returns the live execution with the key; else the first that waits in the outbox; else the last that has ended. */
  async get(key: string): Promise<ExecutionRecord | undefined> {
    const known = await this.inner.get(key);
    if (known !== undefined && !isEnded(known.state)) return known;
    const row = await this.outbox.table.findByKey(key);
    // The row of an execution in the memory of this process is deleted soon after its end.
    if (row?.entry !== undefined && row.id !== known?.id) return this.recordOf(row.entry, row);
    // Between the looks, a relay may have added it.
    return row === undefined && known === undefined ? this.inner.get(key) : known;
  }

  async find(id: string, key: string): Promise<ExecutionStatus | undefined> {
    const known = await this.inner.find(id, key);
    if (known !== undefined) return known;
    const row = await this.outbox.table.find(id);
    if (row === undefined) return this.inner.find(id, key); // a relay may have added it between the looks
    if (row.state === ROW.settled) return this.endOf(row.note, key);
    return row.entry && this.recordOf(row.entry, row);
  }

  async read(id: string, key: string): Promise<ExecutionRecord | undefined> {
    const known = await this.inner.read(id, key);
    if (known !== undefined) return known;
    const row = await this.outbox.table.find(id);
    if (row === undefined) return this.inner.read(id, key); // a relay may have added it between the looks
    return row.entry && row.state !== ROW.settled ? this.recordOf(row.entry, row) : undefined;
  }

  /** Cancels what waits in the outbox under the key, then what the broker has. */
  async cancel(key: string, reason: string, id?: string, foretell?: Foretell): Promise<Cancellation> {
    const [rows] = await Promise.allSettled([this.cancelRows(key, reason, id, foretell)]);
    const answer = await this.inner.cancel(key, reason, id, foretell);
    if (answer !== 'not-found') return answer;
    if (rows.status === 'rejected') throw rows.reason;
    return rows.value ? 'cancelled' : 'not-found';
  }

  private async cancelRows(key: string, reason: string, id?: string, foretell?: Foretell): Promise<boolean> {
    let isCancelled = false;
    for (const row of await this.outbox.table.waitingOf(key)) {
      if (id !== undefined && row.id !== id) continue;
      if (row.entry !== undefined) await foretell?.({ id: row.id, key, name: row.entry.execution.name });
      if (await this.end(row, reason)) isCancelled = true;
    }
    return isCancelled;
  }

  async size(): Promise<number> {
    // First: a row that is relayed meanwhile is counted in the broker.
    const { waiting } = await this.outbox.table.depth();
    return waiting + (await this.inner.size());
  }

  async clear(reason: string): Promise<number> {
    let cleared = 0;
    for (;;) {
      const ids = await this.outbox.table.waitingIds(MOST_CLEARED);
      const rows = await Promise.all(ids.map((id) => this.outbox.table.find(id)));
      let ended = 0;
      for (const row of rows) if (row !== undefined && (await this.end(row, reason))) ended += 1;
      cleared += ended;
      if (ids.length < MOST_CLEARED || ended === 0) break;
    }
    return cleared + (await this.inner.clear(reason));
  }

  /** Ends a row that waits. Waits for a relay that has it in hand. @returns whether it did, and not a relay before. */
  private async end({ id, entry }: OutboxRow, reason: string): Promise<boolean> {
    const note: OutboxNote =
      entry === undefined ? {} : { ended: endedStatus(entry.execution, 'cancelled', reason, this.clock.now()) };
    while (!(await this.outbox.table.end(id, JSON.stringify(note), SETTLED_FOR))) {
      const row = await this.outbox.table.find(id);
      if (row === undefined || row.state === ROW.settled || row.state === ROW.held) return false;
      await sleep(RELAY_LOOK);
    }
    return true;
  }

  private recordOf({ execution }: OutboxEntry, { note }: OutboxRow): ExecutionRecord {
    const record = waitingRecord(execution, this.clock.now());
    return note.error === undefined ? record : { ...record, error: { name: 'Error', message: note.error } };
  }

  private async endOf({ ended, holder }: OutboxNote, key: string): Promise<ExecutionStatus | undefined> {
    if (holder === undefined) return ended;
    const status = await this.inner.find(holder, key);
    return status && { ...status, disposition: 'already-scheduled' };
  }
}
