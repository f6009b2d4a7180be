import type { OutboxConnection, OutboxRow, OutboxValue } from './outbox-database.js';
import { DIALECTS, type Dialect, type OutboxDialect } from './outbox-dialect.js';
import { decodeEntry, ROW, type OutboxEntry } from './outbox-row.js';
import { OUTBOX_TABLE as OUTBOX, RELAYS_TABLE as RELAYS } from './outbox-schema.js';

/** Row that a relay has in hand. */
export interface ClaimedRow {
  /** Number of the row, in the order of their insertion. */
  readonly seq: string;
  readonly id: string;
  readonly keyHash: string;
  /** Number of times that it could not be relayed. */
  readonly attempts: number;
  /** Absent where it cannot be read. */
  readonly entry: OutboxEntry | undefined;
}

/** Statements of a relay. Each has an effect only as long as the relay holds the lease, or on the rows that it has claimed. */
export class RelayTable {
  private readonly sql: Dialect;

  constructor(
    private readonly root: OutboxConnection,
    private readonly dialect: OutboxDialect,
    private readonly fleet: string,
  ) {
    this.sql = DIALECTS[dialect];
  }

  /** Tells whether rows wait. */
  async hasWork(): Promise<boolean> {
    const sql = `SELECT seq FROM ${OUTBOX} WHERE fleet = ? AND state = ${ROW.waiting} LIMIT 1`;
    return (await this.root.query(sql, [this.fleet])).length > 0;
  }

  /** Takes the lease of the fleet's relay where nobody holds it, or renews it. @param ttl in milliseconds. */
  async take(token: string, ttl: number): Promise<boolean> {
    const { now } = this.sql;
    const taken = await this.root.execute(
      `UPDATE ${RELAYS} SET holder = ?, lease_until = ${now} + ${this.number()}
      WHERE fleet = ? AND (lease_until <= ${now} OR holder = ?)`,
      [token, String(ttl), this.fleet, token],
    );
    return taken > 0 || this.holds(token); // MySQL counts no row whose values stay the same
  }

  async holds(token: string): Promise<boolean> {
    const sql = `SELECT holder FROM ${RELAYS} WHERE fleet = ? AND holder = ? AND lease_until > ${this.sql.now}`;
    return (await this.root.query(sql, [this.fleet, token])).length > 0;
  }

  /** Lets others take the lease. */
  async leave(token: string): Promise<void> {
    await this.root.execute(`UPDATE ${RELAYS} SET lease_until = ${this.number()} WHERE fleet = ? AND holder = ?`, [
      '0',
      this.fleet,
      token,
    ]);
  }

  /**
   * Claims the first rows, in their order, without those whose key has an earlier row that could not be relayed.
   *
   * @returns none where the lease is lost.
   */
  async claim(token: string, limit: number): Promise<ClaimedRow[]> {
    const columns = 'seq, id, key_hash, attempts, body';
    // MySQL does not read the table that it updates, but for a part that it has put aside.
    const update = `UPDATE ${OUTBOX} SET lease = ? WHERE seq IN (SELECT seq FROM (
        SELECT first.seq FROM ${OUTBOX} first WHERE first.fleet = ? AND first.state = ${ROW.waiting}
          AND NOT EXISTS (SELECT 1 FROM ${OUTBOX} earlier WHERE earlier.fleet = first.fleet
            AND earlier.key_hash = first.key_hash AND earlier.state = ${ROW.late} AND earlier.seq < first.seq)
        ORDER BY first.seq LIMIT ${limit}) picked)
      AND state = ${ROW.waiting} AND EXISTS (${this.lease()})`;
    const parameters = [token, this.fleet, this.fleet, token];
    if (this.dialect === 'postgres') {
      const claimed = `WITH claimed AS (${update} RETURNING ${columns}) SELECT ${columns} FROM claimed ORDER BY seq`;
      return (await this.root.query(claimed, parameters)).map(claimedOf);
    }
    if ((await this.root.execute(update, parameters)) === 0) return [];
    const rows = await this.root.query(
      `SELECT ${columns} FROM ${OUTBOX} WHERE fleet = ? AND state = ${ROW.waiting} AND lease = ? ORDER BY seq LIMIT ${limit}`,
      [this.fleet, token],
    );
    return rows.map(claimedOf);
  }

  /** Deletes the rows of a batch that are still claimed. */
  async forget(token: string, rows: readonly ClaimedRow[]): Promise<void> {
    await this.root.execute(`DELETE FROM ${OUTBOX} WHERE ${this.batch(rows)}`, [this.fleet, token]);
  }

  /** Gives the rows of a batch that are still claimed back. */
  async release(token: string, rows: readonly ClaimedRow[]): Promise<void> {
    await this.root.execute(`UPDATE ${OUTBOX} SET lease = '' WHERE ${this.batch(rows)}`, [this.fleet, token]);
  }

  /** Keeps the rows of a batch that are still claimed, for as long as a process lives that has them in its memory. */
  async hold(token: string, rows: readonly ClaimedRow[], holder: string, ttl: number): Promise<void> {
    await this.root.execute(
      `UPDATE ${OUTBOX} SET state = ${ROW.held}, lease = ?, due = ${this.sql.now} + ${this.number()} WHERE ${this.batch(rows)}`,
      [holder, String(ttl), this.fleet, token],
    );
  }

  /** Keeps how rows have ended, for their handles. @param keep in milliseconds. */
  async settle(token: string, rows: readonly ClaimedRow[], note: string, keep: number): Promise<void> {
    await this.change(token, rows, `state = ${ROW.settled}, body = '', note = ?, due = ${this.later()}`, [
      note,
      String(keep),
    ]);
  }

  /** Puts rows off. @param delay in milliseconds. */
  async putOff(token: string, rows: readonly ClaimedRow[], note: string, delay: number): Promise<void> {
    await this.change(token, rows, `state = ${ROW.late}, attempts = attempts + 1, note = ?, due = ${this.later()}`, [
      note,
      String(delay),
    ]);
  }

  /** Leaves rows to a later batch. */
  async skip(token: string, rows: readonly ClaimedRow[]): Promise<void> {
    await this.change(token, rows, '', []);
  }

  /** Lets rows be relayed again that were put off until now, or held by a process that has died. Forgets settled ones. */
  async tidy(): Promise<void> {
    const { now } = this.sql;
    await this.root.execute(
      `UPDATE ${OUTBOX} SET state = ${ROW.waiting}, lease = ''
      WHERE fleet = ? AND state IN (${ROW.late}, ${ROW.held}) AND due <= ${now}`,
      [this.fleet],
    );
    await this.root.execute(`DELETE FROM ${OUTBOX} WHERE fleet = ? AND state = ${ROW.settled} AND due <= ${now}`, [
      this.fleet,
    ]);
  }

  /** Prolongs the lease of the rows that a process holds. */
  async renewHeld(holder: string, ttl: number): Promise<void> {
    await this.root.execute(
      `UPDATE ${OUTBOX} SET due = ${this.later()} WHERE fleet = ? AND state = ${ROW.held} AND lease = ?`,
      [String(ttl), this.fleet, holder],
    );
  }

  /** Lets others relay the rows that a process holds. */
  async releaseHeld(holder: string): Promise<void> {
    await this.root.execute(
      `UPDATE ${OUTBOX} SET state = ${ROW.waiting}, lease = '' WHERE fleet = ? AND state = ${ROW.held} AND lease = ?`,
      [this.fleet, holder],
    );
  }

  /** Deletes rows that a process holds. */
  async forgetHeld(holder: string, ids: readonly string[]): Promise<void> {
    await this.root.execute(
      `DELETE FROM ${OUTBOX} WHERE state = ${ROW.held} AND lease = ? AND id IN (${ids.map(() => '?').join(', ')})`,
      [holder, ...ids],
    );
  }

  private async change(
    token: string,
    rows: readonly ClaimedRow[],
    changes: string,
    values: readonly OutboxValue[],
  ): Promise<void> {
    // Numbers of the database itself.
    const list = rows.map(({ seq }) => BigInt(seq)).join(', ');
    const set = changes === '' ? "lease = ''" : `${changes}, lease = ''`;
    await this.root.execute(`UPDATE ${OUTBOX} SET ${set} WHERE seq IN (${list}) AND lease = ?`, [...values, token]);
  }

  /** Takes the fleet and the token. The range spares a look at all rows that wait. */
  private batch(rows: readonly ClaimedRow[]): string {
    const [first, last] = [rows[0], rows.at(-1)].map((row) => BigInt(row?.seq ?? 0));
    return `fleet = ? AND state = ${ROW.waiting} AND lease = ? AND seq BETWEEN ${first} AND ${last}`;
  }

  /** Finds the lease. Takes the fleet and the token. */
  private lease(): string {
    return `SELECT 1 FROM ${RELAYS} relay WHERE relay.fleet = ? AND relay.holder = ? AND relay.lease_until > ${this.sql.now}`;
  }

  private later(): string {
    return `${this.sql.now} + ${this.number()}`;
  }

  private number(): string {
    return `CAST(? AS ${this.sql.integer})`;
  }
}

function claimedOf({ seq, id, key_hash, attempts, body }: OutboxRow): ClaimedRow {
  return {
    seq: String(seq),
    id: String(id),
    keyHash: String(key_hash),
    attempts: Number(attempts),
    entry: decodeEntry(String(body)),
  };
}
