import type { OutboxConnection, OutboxRow as Row, OutboxValue } from './outbox-database.js';
import { DIALECTS, type Dialect, type OutboxDialect } from './outbox-dialect.js';
import {
  decodeEntry,
  decodeNote,
  encodeEntry,
  keyHash,
  keyOf,
  ROW,
  type OutboxEntry,
  type OutboxRow,
} from './outbox-row.js';
import { IDENTITY_TABLE as IDENTITY, OUTBOX_TABLE as OUTBOX, RELAYS_TABLE as RELAYS } from './outbox-schema.js';

/** Channel of PostgreSQL on which a commit wakes the relays. Its payload is the fleet. */
export const OUTBOX_CHANNEL = 'nestjs_tasks_outbox';
/** Rows of one statement: SQLite takes so many parts of a UNION. */
const MOST_ROWS = 200;
const COLUMNS = 'id, state, body, note';

export interface OutboxDepth {
  /** Number of rows that wait for a relay. */
  readonly waiting: number;
  /** Time since the first of them was written, in milliseconds. `undefined` where none waits. */
  readonly oldestWait: number | undefined;
}

/** Statements of those who write rows and look at them. */
export class OutboxTable {
  private readonly sql: Dialect;

  constructor(
    private readonly root: OutboxConnection,
    private readonly dialect: OutboxDialect,
    private readonly fleet: string,
  ) {
    this.sql = DIALECTS[dialect];
  }

  /**
   * Inserts rows on a connection of the application, in one statement for each 200.
   *
   * @param identity name of the database: nothing is written to one that has another.
   * @returns whether they were written.
   */
  async insert(connection: OutboxConnection, identity: string, entries: readonly OutboxEntry[]): Promise<boolean> {
    for (let from = 0; from < entries.length; from += MOST_ROWS) {
      const part = entries.slice(from, from + MOST_ROWS);
      // The first part tells whether it is the right database.
      if ((await this.insertPart(connection, identity, part)) < part.length) return false;
    }
    return true;
  }

  private async insertPart(
    connection: OutboxConnection,
    identity: string,
    entries: readonly OutboxEntry[],
  ): Promise<number> {
    const rows = entries.map((_, at) => `SELECT ${at} AS at, ? AS id, ? AS fleet, ? AS key_hash, ? AS body`);
    const insert = `INSERT INTO ${OUTBOX} (id, fleet, key_hash, body, written_at)
      SELECT rows_.id, rows_.fleet, rows_.key_hash, rows_.body, ${this.sql.now}
      FROM (${rows.join(' UNION ALL ')}) rows_ JOIN ${IDENTITY} known ON known.place = 1 AND known.name = ?
      ORDER BY rows_.at`;
    const values: OutboxValue[] = entries.flatMap((entry) => {
      const { execution } = entry;
      return [execution.id, this.fleet, keyHash(keyOf(execution)), encodeEntry(entry)];
    });
    const parameters = [...values, identity];
    if (this.dialect !== 'postgres') return connection.execute(insert, parameters);
    // One statement, so that the transaction is longer by no more than that.
    const told = `WITH added AS (${insert} RETURNING id) SELECT CAST(pg_notify('${OUTBOX_CHANNEL}', ?) AS TEXT) AS told FROM added`;
    return (await connection.query(told, [...parameters, this.fleet])).length;
  }

  async find(id: string): Promise<OutboxRow | undefined> {
    const [row] = await this.root.query(`SELECT ${COLUMNS} FROM ${OUTBOX} WHERE id = ?`, [id]);
    return row && rowOf(row);
  }

  /** Returns the first row with the key that has not been settled. */
  async findByKey(key: string): Promise<OutboxRow | undefined> {
    const [row] = await this.root.query(
      `SELECT ${COLUMNS} FROM ${OUTBOX}
      WHERE fleet = ? AND key_hash = ? AND state IN (${ROW.waiting}, ${ROW.late}, ${ROW.held}) ORDER BY seq LIMIT 1`,
      [this.fleet, keyHash(key)],
    );
    return row && rowOf(row);
  }

  /** Returns the rows with the key that no relay has added yet. */
  async waitingOf(key: string): Promise<OutboxRow[]> {
    const rows = await this.root.query(
      `SELECT ${COLUMNS} FROM ${OUTBOX}
      WHERE fleet = ? AND key_hash = ? AND state IN (${ROW.waiting}, ${ROW.late}) ORDER BY seq`,
      [this.fleet, keyHash(key)],
    );
    return rows.map(rowOf);
  }

  /**
   * Settles a row before a relay has it.
   *
   * @returns false where a relay is adding it at the moment, or it is settled or gone.
   */
  async end(id: string, note: string, keep: number): Promise<boolean> {
    const { now } = this.sql;
    const ended = await this.root.execute(
      `UPDATE ${OUTBOX} SET state = ${ROW.settled}, body = '', note = ?, lease = '', due = ${now} + ${this.number()}
      WHERE id = ? AND state IN (${ROW.waiting}, ${ROW.late}) AND NOT EXISTS (${this.liveRelay()})`,
      [note, String(keep), id, this.fleet],
    );
    return ended > 0;
  }

  /** Returns the ids of rows that wait, the first ones. */
  async waitingIds(limit: number): Promise<string[]> {
    const rows = await this.root.query(
      `SELECT id FROM ${OUTBOX} WHERE fleet = ? AND state IN (${ROW.waiting}, ${ROW.late}) ORDER BY seq LIMIT ${limit}`,
      [this.fleet],
    );
    return rows.map(({ id }) => String(id));
  }

  async depth(): Promise<OutboxDepth> {
    const [row] = await this.root.query(
      `SELECT COUNT(*) AS waiting, ${this.sql.now} - MIN(written_at) AS oldest FROM ${OUTBOX}
      WHERE fleet = ? AND state IN (${ROW.waiting}, ${ROW.late})`,
      [this.fleet],
    );
    const { waiting, oldest } = row ?? {};
    const count = Number(waiting ?? 0);
    return { waiting: count, oldestWait: count === 0 ? undefined : Math.max(0, Number(oldest)) };
  }

  private number(): string {
    return `CAST(? AS ${this.sql.integer})`;
  }

  /** Finds the relay that is adding the row. Takes the fleet. */
  private liveRelay(): string {
    return `SELECT 1 FROM ${RELAYS} relay
      WHERE relay.fleet = ? AND relay.holder = ${OUTBOX}.lease AND relay.lease_until > ${this.sql.now}`;
  }
}

function rowOf({ id, state, body, note }: Row): OutboxRow {
  return { id: String(id), state: Number(state), entry: decodeEntry(String(body)), note: decodeNote(note) };
}
