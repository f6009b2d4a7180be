import type { SharedMap, EntryName } from '../broker.js';

/**
 * What is remembered for a while: of a key, the id of the last execution that has ended under it; of an id, the record of
 * an execution that ended without a job, that its cancellation was asked for, and how many of its lost leases were no
 * crashes.
 */
export type NoteKind = 'ended' | 'gone' | 'cancel' | 'excused';

/** What is kept until it is taken away: replacements that wait for a run to end, and the fleet's workers. */
export type RosterName = 'replacements' | 'workers';

/**
 * Keeps what BullMQ cannot, in keys or a table of our own beside its. Keys of notes and fields of rosters are encoded
 * keys, or ids.
 */
export interface SideStore {
  /** @param ttl in milliseconds. Of two notes on one thing the greater stays: values begin with an id where order matters. */
  setNote(kind: NoteKind, key: string, value: string, ttl: number): Promise<void>;
  getNotes(kind: NoteKind, keys: readonly string[]): Promise<(string | undefined)[]>;
  deleteNote(kind: NoteKind, key: string): Promise<void>;

  putEntry(roster: RosterName, field: string, value: string): Promise<void>;
  getEntry(roster: RosterName, field: string): Promise<string | undefined>;
  entries(roster: RosterName): Promise<[field: string, value: string][]>;
  /** @param expected leaves the entry alone when it has another value by now. @returns whether it was there. */
  deleteEntry(roster: RosterName, field: string, expected?: string): Promise<boolean>;

  /** Books are of the port: see `Broker.readBook()`. */
  readBook(book: string, version?: string): Promise<SharedMap | undefined>;
  writeEntry(book: string, field: string, value: string, owner?: EntryName): Promise<void>;
  eraseEntry(book: string, field: string, expected?: string): Promise<boolean>;
  sizeOfBook(book: string): Promise<number>;
  eraseBook(book: string, owner: EntryName): Promise<void>;

  /** @returns a token, or nothing while somebody else has the lock. */
  lock(name: string, ttl: number): Promise<string | undefined>;
  unlock(name: string, token: string): Promise<void>;

  /** Takes away what the database does not forget by itself. */
  purge(): Promise<void>;
}
