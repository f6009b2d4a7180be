import type { SharedMaps } from '../broker.js';
import type { MinuteRecord } from '../timeline-store.js';

/**
 * What is remembered for a while: of a key, on PostgreSQL, the id of the last execution that has ended under it; of an id,
 * the record of an execution that ended without a job, that its cancellation was asked for, how many of its lost leases
 * were no crashes, and what its runs have logged.
 */
export type NoteKind = 'ended' | 'gone' | 'cancel' | 'excused' | 'logs';

/**
 * Keeps what BullMQ cannot, in keys or a table of our own beside its: maps, notes and locks. Keys of notes are encoded
 * keys, or ids.
 */
export interface SideStore extends SharedMaps {
  /** Reads one entry of a map. */
  get(map: string, field: string): Promise<string | undefined>;
  /** Deletes the map that an execution keeps. */
  deleteKept(id: string): Promise<void>;

  /** @param ttl in milliseconds. Of two notes on one thing the greater stays: values begin with an id where order matters. */
  setNote(kind: NoteKind, key: string, value: string, ttl: number): Promise<void>;
  getNotes(kind: NoteKind, keys: readonly string[]): Promise<(string | undefined)[]>;
  deleteNote(kind: NoteKind, key: string): Promise<void>;

  /** @returns a token, or nothing while somebody else has the lock. */
  lock(name: string, ttl: number): Promise<string | undefined>;
  unlock(name: string, token: string): Promise<void>;
  /** Takes a lock that is free, or keeps it for longer. @returns whether the holder has it. */
  take(name: string, holder: string, ttl: number): Promise<boolean>;

  /** Keeps counts of a minute for {@link TIMELINE_RETENTION}. */
  writeMinute(record: MinuteRecord): Promise<void>;
  /** Returns the records of minutes from `from` up to, and without, `to`. */
  readMinutes(from: number, to: number): Promise<MinuteRecord[]>;

  /** Takes away what the database does not forget by itself. */
  purge(): Promise<void>;
}
