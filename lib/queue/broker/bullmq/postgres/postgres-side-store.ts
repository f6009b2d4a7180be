import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import type { SharedMap, EntryName } from '../../broker.js';
import {
  CREATE_NOTES,
  DELETE_ENTRY,
  ENTRIES,
  ERASE_BOOK,
  ERASE_ENTRY,
  ERASE_OWNER,
  GET_ENTRY,
  GET_NOTES,
  HAS_NOTES,
  LOCK,
  PURGE_NOTES,
  PUT_ENTRY,
  READ_BOOK,
  SET_NOTE,
  SIZE_OF_BOOK,
  WRITE_ENTRY,
} from './sql.generated.js';
import type { MigrationClient, SchemaPart } from './postgres-schema.js';
import type { NoteKind, RosterName, SideStore } from '../side-store.js';

const LOCK_KEY = 0x7a5c5;

/** One table of ours in BullMQ's schema. */
export class PostgresSideStore implements SideStore, SchemaPart {
  constructor(
    private readonly pool: Pool,
    private readonly options: ResolvedQueueOptions,
  ) {}

  async isMigrated(client: MigrationClient): Promise<boolean> {
    return (await client.query(HAS_NOTES)).rowCount === 1;
  }

  /** Creates the table; many processes may do so at once. */
  async migrate(client: MigrationClient): Promise<void> {
    try {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [LOCK_KEY, this.options.prefix]);
      await client.query(CREATE_NOTES);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {}); // the first error says more
      throw error;
    }
  }

  /** @throws where the table is not there, or the database cannot be reached. */
  async check(client: MigrationClient): Promise<void> {
    await client.query('SELECT 1 FROM nestjs_tasks_note LIMIT 1');
  }

  async setNote(kind: NoteKind, key: string, value: string, ttl: number): Promise<void> {
    await this.query(SET_NOTE, [kind, key, value, Math.max(1, Math.ceil(ttl))]);
  }

  async getNotes(kind: NoteKind, keys: readonly string[]): Promise<(string | undefined)[]> {
    if (keys.length === 0) return [];
    const { rows } = await this.query<{ key: string; value: string }>(GET_NOTES, [kind, keys]);
    const values = new Map(rows.map((row) => [row.key, row.value]));
    return keys.map((key) => values.get(key));
  }

  async deleteNote(kind: NoteKind, key: string): Promise<void> {
    await this.delete(kind, key);
  }

  async putEntry(roster: RosterName, field: string, value: string): Promise<void> {
    await this.query(PUT_ENTRY, [roster, field, value]);
  }

  async getEntry(roster: RosterName, field: string): Promise<string | undefined> {
    const { rows } = await this.query<{ value: string }>(GET_ENTRY, [roster, field]);
    return rows[0]?.value;
  }

  async entries(roster: RosterName): Promise<[string, string][]> {
    const { rows } = await this.query<{ key: string; value: string }>(ENTRIES, [roster]);
    return rows.map(({ key, value }) => [key, value]);
  }

  deleteEntry(roster: RosterName, field: string, expected?: string): Promise<boolean> {
    return this.delete(roster, field, expected);
  }

  async readBook(book: string, version?: string): Promise<SharedMap | undefined> {
    // One statement sees one moment: the version is that of the entries.
    const { rows } = await this.query<{ kind: string; key: string; value: string }>(READ_BOOK, [book, version ?? '-']);
    const current = rows.find(({ kind }) => kind === 'book')?.value ?? '';
    if (current === version) return undefined;
    const entries = rows.filter(({ kind }) => kind !== 'book');
    return { version: current, entries: new Map(entries.map(({ key, value }) => [key, value])) };
  }

  async writeEntry(book: string, field: string, value: string, owner?: EntryName): Promise<void> {
    // The owner is locked, so that whoever erases it, and then its book, finds what is written here.
    await this.query(WRITE_ENTRY, [book, randomUUID(), field, value, owner?.map ?? null, owner?.field ?? null]);
  }

  async eraseEntry(book: string, field: string, expected?: string): Promise<boolean> {
    const { rowCount } = await this.query(ERASE_ENTRY, [book, randomUUID(), field, expected ?? null]);
    return rowCount === 1;
  }

  async sizeOfBook(book: string): Promise<number> {
    const { rows } = await this.query<{ size: string }>(SIZE_OF_BOOK, [book]);
    return Number(rows[0]?.size);
  }

  async eraseBook(book: string, owner: EntryName): Promise<void> {
    const { name } = this.options;
    await this.transaction(async (client) => {
      // First: whoever writes to the book holds its owner meanwhile, and the next statement sees what was written.
      await client.query(ERASE_OWNER, [name, owner.map, owner.field, randomUUID()]);
      await client.query(ERASE_BOOK, [name, book]);
    });
  }

  async lock(name: string, ttl: number): Promise<string | undefined> {
    const token = randomUUID();
    const { rowCount } = await this.query(LOCK, ['lock', name, token, ttl]);
    return rowCount === 1 ? token : undefined;
  }

  async unlock(name: string, token: string): Promise<void> {
    await this.delete('lock', name, token);
  }

  async purge(): Promise<void> {
    await this.query(PURGE_NOTES, []);
  }

  private async transaction(act: (client: PoolClient) => Promise<void>): Promise<void> {
    const client = await this.pool.connect();
    let failure: unknown;
    try {
      await client.query('BEGIN');
      await act(client);
      await client.query('COMMIT');
    } catch (error) {
      failure = error;
      await client.query('ROLLBACK').catch(() => {}); // the first error says more
      throw error;
    } finally {
      client.release(failure instanceof Error); // one that has failed may be out of step
    }
  }

  private async delete(kind: string, key: string, expected?: string): Promise<boolean> {
    const { rowCount } = await this.query(DELETE_ENTRY, [kind, key, expected ?? null]);
    return rowCount === 1;
  }

  /** `$1` is the queue's name. */
  private query<R extends object>(text: string, values: readonly unknown[]) {
    return this.pool.query<R>(text, [this.options.name, ...values]);
  }
}
