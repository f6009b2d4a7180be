import { createHash, randomUUID } from 'node:crypto';
import type { Client, Notification, Pool } from 'pg';
import type { ResolvedQueueOptions } from '../../queue-options.js';
import { reconnectDelay, soon } from './connections.js';
import type { Book, EntryName } from '../broker.js';
import type { NoteKind, RosterName, SideStore } from './side-store.js';

/** What NOTIFY takes, with room for the rest of the message. Longer ones are left in the table. */
const LONGEST_MESSAGE = 7_000;
const LONG_MESSAGE_TTL = 60_000;

/** Entries of rosters, which do not expire, and notes, which do. The names are qualified by the search path. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS nestjs_tasks_note (
  queue text NOT NULL,
  kind text NOT NULL,
  key text NOT NULL,
  value text NOT NULL,
  expires_at bigint,
  PRIMARY KEY (queue, kind, key)
);
CREATE INDEX IF NOT EXISTS nestjs_tasks_note_expiry ON nestjs_tasks_note (expires_at);`;

const LOCK_KEY = 0x7a5c5;

/** One table of ours in BullMQ's schema, and NOTIFY. */
export class PostgresSideStore implements SideStore {
  private readonly channel: string;
  private readonly listeners = new Set<(message: string) => void>();
  private listening: Promise<void> | undefined;
  private client: Client | undefined;
  private isClosed = false;

  constructor(
    private readonly pool: Pool,
    private readonly createClient: () => Client,
    private readonly options: ResolvedQueueOptions,
  ) {
    const hash = createHash('sha256').update(`${options.prefix}:${options.name}`).digest('hex').slice(0, 32);
    this.channel = `nestjs_tasks_${hash}`;
  }

  /** Creates the table; many processes may do so at once. */
  async migrate(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [LOCK_KEY, this.options.prefix]);
      await client.query(SCHEMA);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {}); // the first error says more
      throw error;
    } finally {
      client.release();
    }
  }

  /** @throws where the table is not there, or the database cannot be reached. */
  async check(): Promise<void> {
    await this.pool.query('SELECT 1 FROM nestjs_tasks_note LIMIT 1');
  }

  async setNote(kind: NoteKind, key: string, value: string, ttl: number): Promise<void> {
    await this.put(kind, key, value, Date.now() + Math.max(1, Math.ceil(ttl)));
  }

  async getNotes(kind: NoteKind, keys: readonly string[]): Promise<(string | undefined)[]> {
    if (keys.length === 0) return [];
    const { rows } = await this.query<{ key: string; value: string }>(
      `SELECT key, value FROM nestjs_tasks_note
       WHERE queue = $1 AND kind = $2 AND key = ANY($3) AND expires_at > $4`,
      [kind, keys, Date.now()],
    );
    const values = new Map(rows.map((row) => [row.key, row.value]));
    return keys.map((key) => values.get(key));
  }

  async deleteNote(kind: NoteKind, key: string): Promise<void> {
    await this.delete(kind, key);
  }

  async putEntry(roster: RosterName, field: string, value: string): Promise<void> {
    await this.query(
      `INSERT INTO nestjs_tasks_note (queue, kind, key, value) VALUES ($1, $2, $3, $4)
       ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value`,
      [roster, field, value],
    );
  }

  async getEntry(roster: RosterName, field: string): Promise<string | undefined> {
    const { rows } = await this.query<{ value: string }>(
      'SELECT value FROM nestjs_tasks_note WHERE queue = $1 AND kind = $2 AND key = $3',
      [roster, field],
    );
    return rows[0]?.value;
  }

  async entries(roster: RosterName): Promise<[string, string][]> {
    const { rows } = await this.query<{ key: string; value: string }>(
      'SELECT key, value FROM nestjs_tasks_note WHERE queue = $1 AND kind = $2',
      [roster],
    );
    return rows.map(({ key, value }) => [key, value]);
  }

  deleteEntry(roster: RosterName, field: string, expected?: string): Promise<boolean> {
    return this.delete(roster, field, expected);
  }

  async readBook(book: string, version?: string): Promise<Book | undefined> {
    // One statement sees one moment: the version is that of the entries.
    const { rows } = await this.query<{ kind: string; key: string; value: string }>(
      `WITH version AS (SELECT value FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'book' AND key = $2)
       SELECT 'book' AS kind, '' AS key, coalesce((SELECT value FROM version), '') AS value
       UNION ALL
       SELECT kind, key, value FROM nestjs_tasks_note
       WHERE queue = $1 AND kind = 'book:' || $2 AND coalesce((SELECT value FROM version), '') <> $3`,
      [book, version ?? '-'],
    );
    const current = rows.find(({ kind }) => kind === 'book')?.value ?? '';
    if (current === version) return undefined;
    const entries = rows.filter(({ kind }) => kind !== 'book');
    return { version: current, entries: new Map(entries.map(({ key, value }) => [key, value])) };
  }

  async writeEntry(book: string, field: string, value: string, owner?: EntryName): Promise<void> {
    // The owner is locked, so that whoever erases it, and then its book, finds what is written here.
    await this.query(
      `WITH owner AS (
         SELECT 1 FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'book:' || $6 AND key = $7 FOR SHARE
       ), version AS (
         INSERT INTO nestjs_tasks_note (queue, kind, key, value)
           SELECT $1, 'book', $2, $3 WHERE $6::text IS NULL OR EXISTS (SELECT 1 FROM owner)
         ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value
       )
       INSERT INTO nestjs_tasks_note (queue, kind, key, value)
         SELECT $1, 'book:' || $2, $4, $5 WHERE $6::text IS NULL OR EXISTS (SELECT 1 FROM owner)
       ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value`,
      [book, randomUUID(), field, value, owner?.book ?? null, owner?.field ?? null],
    );
  }

  async eraseEntry(book: string, field: string, expected?: string): Promise<boolean> {
    const { rowCount } = await this.query(
      `WITH gone AS (
         DELETE FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'book:' || $2 AND key = $4
           AND ($5::text IS NULL OR value = $5) RETURNING 1
       )
       UPDATE nestjs_tasks_note SET value = $3
       WHERE queue = $1 AND kind = 'book' AND key = $2 AND EXISTS (SELECT 1 FROM gone)`,
      [book, randomUUID(), field, expected ?? null],
    );
    return rowCount === 1;
  }

  async eraseBook(book: string): Promise<void> {
    await this.query(
      `DELETE FROM nestjs_tasks_note
       WHERE queue = $1 AND (kind = 'book:' || $2 OR (kind = 'book' AND key = $2))`,
      [book],
    );
  }

  async lock(name: string, ttl: number): Promise<string | undefined> {
    const token = randomUUID();
    const now = Date.now();
    const { rowCount } = await this.query(
      `INSERT INTO nestjs_tasks_note AS held (queue, kind, key, value, expires_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
       WHERE held.expires_at <= $6`,
      ['lock', name, token, now + ttl, now],
    );
    return rowCount === 1 ? token : undefined;
  }

  async unlock(name: string, token: string): Promise<void> {
    await this.delete('lock', name, token);
  }

  async publish(message: string): Promise<void> {
    let payload = `=${message}`;
    if (Buffer.byteLength(message) > LONGEST_MESSAGE) {
      const id = randomUUID();
      await this.setNote('signal', id, message, LONG_MESSAGE_TTL);
      payload = `@${id}`;
    }
    await this.pool.query('SELECT pg_notify($1, $2)', [this.channel, payload]);
  }

  async subscribe(listener: (message: string) => void): Promise<void> {
    this.listening ??= this.listen();
    try {
      await this.listening;
    } catch (error) {
      this.listening = undefined;
      throw error;
    }
    this.listeners.add(listener);
  }

  async purge(): Promise<void> {
    await this.query('DELETE FROM nestjs_tasks_note WHERE queue = $1 AND expires_at <= $2', [Date.now()]);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await soon(this.client?.end());
  }

  private async listen(): Promise<void> {
    const client = this.createClient();
    client.on('error', () => {}); // 'end' follows
    client.on('notification', (notification) => void this.hear(notification));
    try {
      await client.connect();
      await client.query(`LISTEN ${this.channel}`);
      if (this.isClosed) throw new Error('The connection is closed');
    } catch (error) {
      await soon(client.end());
      throw error;
    }
    this.client = client;
    client.on('end', () => this.listenAgain(0));
  }

  private listenAgain(times: number): void {
    if (this.isClosed) return;
    setTimeout(() => this.listen().catch(() => this.listenAgain(times + 1)), reconnectDelay(times)).unref();
  }

  private async hear({ payload = '' }: Notification): Promise<void> {
    const text = payload.slice(1);
    const [message] = payload.startsWith('=') ? [text] : await this.getNotes('signal', [text]).catch(() => []);
    if (message === undefined) return; // a signal may be lost
    for (const listener of this.listeners) listener(message);
  }

  private async put(kind: NoteKind, key: string, value: string, expiresAt: number): Promise<void> {
    await this.query(
      `INSERT INTO nestjs_tasks_note AS known (queue, kind, key, value, expires_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
       WHERE known.value COLLATE "C" <= excluded.value COLLATE "C" OR known.expires_at <= $6`,
      [kind, key, value, expiresAt, Date.now()],
    );
  }

  private async delete(kind: string, key: string, expected?: string): Promise<boolean> {
    const { rowCount } = await this.query(
      `DELETE FROM nestjs_tasks_note
       WHERE queue = $1 AND kind = $2 AND key = $3 AND ($4::text IS NULL OR value = $4)`,
      [kind, key, expected ?? null],
    );
    return rowCount === 1;
  }

  /** `$1` is the queue's name. */
  private query<R extends object>(text: string, values: readonly unknown[]) {
    return this.pool.query<R>(text, [this.options.name, ...values]);
  }
}
