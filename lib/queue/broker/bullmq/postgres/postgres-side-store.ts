import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import { QUIET, type EntryName, type Erasure, type SharedMap } from '../../broker.js';
import {
  CREATE_NOTES,
  DELETE_KEPT,
  DELETE_NOTE,
  ERASE_ENTRY,
  ERASE_KEPT,
  ERASE_MAP,
  GET_ENTRY,
  GET_NOTES,
  HAS_NOTES,
  KEEP_MAP,
  LOCK,
  PURGE_NOTES,
  READ_KEPT,
  READ_MAP,
  READ_NOTES,
  SET_NOTE,
  SIZE_OF_MAP,
  TAKE,
  WRITE_ENTRY,
} from './sql.generated.js';
import type { MigrationClient } from './migration-recorder.js';
import type { SchemaPart } from './postgres-schema.js';
import { TIMELINE_RETENTION, type MinuteRecord } from '../../timeline-store.js';
import type { NoteKind, SideStore } from '../side-store.js';

const LOCK_KEY = 0x7a5c5;
/** Kind of the notes that hold the timeline. */
const TIMELINE = 'timeline';

/** One table of ours in BullMQ's schema. */
export class PostgresSideStore implements SideStore, SchemaPart {
  readonly title = 'table of notes';
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

  async get(map: string, field: string): Promise<string | undefined> {
    const { rows } = await this.query<{ value: string }>(GET_ENTRY, [map, field]);
    return rows[0]?.value;
  }

  async read(map: string, version?: string): Promise<SharedMap | undefined> {
    const { rows } = await this.query<{ kind: string; key: string; value: string }>(READ_MAP, [map, version ?? '-']);
    const current = rows.find(({ kind }) => kind === 'map')?.value ?? '';
    if (current === version) return undefined;
    const entries = rows.filter(({ kind }) => kind !== 'map');
    return { version: current, entries: new Map(entries.map(({ key, value }) => [key, value])) };
  }

  async write(map: string, field: string, value: string, owner?: EntryName): Promise<void> {
    await this.query(WRITE_ENTRY, [map, newVersion(map), field, value, owner?.map ?? null, owner?.field ?? null]);
  }

  async erase(map: string, field: string, { expected, owned, keptBy }: Erasure = {}): Promise<boolean> {
    const entry = [map, newVersion(map), field, expected ?? null];
    if (owned !== undefined) return this.eraseOwner(entry, owned, keptBy);
    return (await this.query(ERASE_ENTRY, entry)).rowCount === 1;
  }

  async size(map: string): Promise<number> {
    const { rows } = await this.query<{ size: string }>(SIZE_OF_MAP, [map]);
    return Number(rows[0]?.size);
  }

  async kept(id: string): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.query<{ key: string; value: string }>(READ_KEPT, [id]);
    return new Map(rows.map(({ key, value }) => [key, value]));
  }

  async deleteKept(id: string): Promise<void> {
    await this.query(DELETE_KEPT, [id]);
  }

  async lock(name: string, ttl: number): Promise<string | undefined> {
    const token = randomUUID();
    const { rowCount } = await this.query(LOCK, ['lock', name, token, ttl]);
    return rowCount === 1 ? token : undefined;
  }

  async unlock(name: string, token: string): Promise<void> {
    await this.delete('lock', name, token);
  }

  async take(name: string, holder: string, ttl: number): Promise<boolean> {
    return (await this.query(TAKE, ['lock', name, holder, ttl])).rowCount === 1;
  }

  async writeMinute({ minute, source, text }: MinuteRecord): Promise<void> {
    await this.query(SET_NOTE, [TIMELINE, `${digitsOf(minute)} ${source}`, text, TIMELINE_RETENTION]);
  }

  async readMinutes(from: number, to: number): Promise<MinuteRecord[]> {
    const { rows } = await this.query<{ key: string; value: string }>(READ_NOTES, [
      TIMELINE,
      digitsOf(from),
      digitsOf(to),
    ]);
    return rows.map(({ key, value }) => {
      const [minute = '', ...source] = key.split(' ');
      return { minute: Number(minute), source: source.join(' '), text: value };
    });
  }

  async purge(): Promise<void> {
    await this.query(PURGE_NOTES, []);
  }

  private async eraseOwner(
    entry: readonly (string | null)[],
    owned: string,
    keptBy: Erasure['keptBy'],
  ): Promise<boolean> {
    const { name } = this.options;
    const client = await this.pool.connect();
    let failure: unknown;
    try {
      await client.query('BEGIN');
      const wasThere = (await client.query(ERASE_ENTRY, [name, ...entry])).rowCount === 1;
      if (wasThere || entry.at(-1) === null) {
        if (keptBy === undefined) await client.query(ERASE_MAP, [name, owned]);
        else {
          await client.query(ERASE_KEPT, [name, owned, keptBy.id]);
          await client.query(KEEP_MAP, [name, owned, keptBy.id, Math.max(1, Math.ceil(keptBy.ttl))]);
        }
      }
      await client.query('COMMIT');
      return wasThere;
    } catch (error) {
      failure = error;
      await client.query('ROLLBACK').catch(() => {}); // the first error says more
      throw error;
    } finally {
      client.release(failure instanceof Error); // one that has failed may be out of step
    }
  }

  private async delete(kind: string, key: string, expected?: string): Promise<boolean> {
    const { rowCount } = await this.query(DELETE_NOTE, [kind, key, expected ?? null]);
    return rowCount === 1;
  }

  /** `$1` is the queue's name. */
  private query<R extends object>(text: string, values: readonly unknown[]) {
    return this.pool.query<R>(text, [this.options.name, ...values]);
  }
}

/** Returns the next version of a map; none for one that has none. */
function newVersion(map: string): string | null {
  return map.startsWith(QUIET) ? null : randomUUID();
}

/** Writes a minute with as many digits as any: keys sort by it in every collation. */
function digitsOf(minute: number): string {
  return String(minute).padStart(10, '0');
}
