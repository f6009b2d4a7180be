import { createHash } from 'node:crypto';
import { newRecord } from '../new-record.js';
import { REASONS } from '../reasons.js';
import type { Disposition, EndState, ExecutionRecord, ExecutionStatus, NewExecution } from '../record.js';
import { readNumber, readStored, readString } from '../stored.js';

/** State of a row, as it is stored. */
export const ROW = {
  /** Waits for a relay. */
  waiting: 0,
  /** Could not be relayed, and is tried again when it is due. */
  late: 1,
  /** Relayed to the memory of a process, which renews its lease; tried again when that is due. */
  held: 2,
  /** Relayed without becoming an execution of its own, or cancelled; kept for its handle until it is due. */
  settled: 3,
} as const;

/** Execution with the id that was made with its row. */
export type WrittenExecution = NewExecution & { readonly id: string; readonly addedAt: number };

export interface OutboxEntry {
  readonly operation: 'add' | 'replace';
  readonly execution: WrittenExecution;
}

/** End of a row that did not become an execution of its own. */
export interface OutboxNote {
  /** Id of the execution that has the key. */
  readonly holder?: string;
  /** State of the execution that ended in the outbox. */
  readonly ended?: ExecutionStatus;
  /** Message of the error for which it could not be relayed. */
  readonly error?: string;
}

/** Row as a client looks at it. */
export interface OutboxRow {
  readonly id: string;
  readonly state: number;
  /** Absent where it cannot be read, or is not kept any more. */
  readonly entry: OutboxEntry | undefined;
  readonly note: OutboxNote;
}

/** Returns what rows of one key have in common: a key may be longer than an index takes. */
export function keyHash(key: string): string {
  return createHash('sha256').update(key, 'utf16le').digest('base64url');
}

export function keyOf({ id, key = id }: WrittenExecution): string {
  return key;
}

export function encodeEntry(entry: OutboxEntry): string {
  return JSON.stringify(entry);
}

/** @returns nothing for what is no entry, such as one of a later version. */
export function decodeEntry(text: string): OutboxEntry | undefined {
  return readStored(text, ({ operation, execution }) => {
    if (operation !== 'add' && operation !== 'replace') return undefined;
    if (typeof execution !== 'object' || execution === null) return undefined;
    const { id, key, name, args, priority, when, addedAt } = execution as Partial<WrittenExecution>;
    const isWhole =
      [id, name, args].every((part) => typeof part === 'string') &&
      [priority, addedAt].every((number) => readNumber(number) !== undefined) &&
      (when === undefined || readNumber(when) !== undefined) &&
      (key === undefined ? operation === 'add' : readString(key) !== undefined && key !== '');
    return isWhole ? { operation, execution: execution as WrittenExecution } : undefined;
  });
}

export function decodeNote(text: unknown): OutboxNote {
  return typeof text === 'string' ? (readStored(text, (note) => note as OutboxNote) ?? {}) : {};
}

/** Record of an execution that waits in the outbox. */
export function waitingRecord(execution: WrittenExecution, now: number): ExecutionRecord {
  return { ...newRecord(execution.id, keyOf(execution), execution, now), reason: REASONS.outbox() };
}

/** Status of an execution that ends in the outbox, for its handle. */
export function endedStatus(
  execution: WrittenExecution,
  state: EndState,
  reason: string | undefined,
  endedAt: number,
  disposition?: Disposition,
): ExecutionStatus {
  const { args: _args, extras: _extras, ...record } = newRecord(execution.id, keyOf(execution), execution, endedAt);
  return {
    ...record,
    state,
    endedAt,
    ...(reason !== undefined && { reason }),
    ...(disposition !== undefined && { disposition }),
  };
}
