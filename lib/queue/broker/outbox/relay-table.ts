import type { OutboxConnection, OutboxRow, OutboxValue } from './outbox-database.js';
import { DIALECTS, type Dialect, type OutboxDialect } from './outbox-dialect.js';
import { OUTBOX_CHANNEL } from './outbox-table.js';
import { decodeEntry, ROW, type OutboxEntry } from './outbox-row.js';
import { OUTBOX_TABLE as OUTBOX, RELAYS_TABLE as RELAYS } from './outbox-schema.js';
import { RowChanges, seqList, type RowCondition } from './row-changes.js';

/** Size of a batch: that of a relay's memory. */
export interface BatchLimit {
  readonly rows: number;
  /** The row that reaches it is the last one. */
  readonly bytes: number;
}

/** Row that a relay has in hand. */
export interface ClaimedRow {
  /** Number of the row, in the order of their insertion. */
  readonly seq: string;
  readonly id: string;
  readonly keyHash: string;
  /** In bytes. */
  readonly size: number;
  /** Number of times that it could not be relayed. */
  readonly attempts: number;
  /** Absent where it cannot be read. */
  readonly entry: OutboxEntry | undefined;
}

/** Statements of a relay. Each has an effect only as long as the relay holds the lease, or on the rows that it has claimed. */
export class RelayTable {
  private readonly sql: Dialect;
  private readonly rows: RowChanges;

  constructor(
    private readonly root: OutboxConnection,
    private readonly dialect: OutboxDialect,
    private readonly fleet: string,
  ) {
    this.sql = DIALECTS[dialect];
    this.rows = new RowChanges(root, dialect);
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
  async claim(token: string, limit: BatchLimit): Promise<ClaimedRow[]> {
    const columns = 'seq, id, key_hash, attempts, body';
    const first = this.first(limit);
    const isClaimable = `state = ${ROW.waiting} AND EXISTS (${this.lease()})`;
    if (this.dialect === 'postgres') {
      const claimed = `WITH claimed AS (UPDATE ${OUTBOX} SET lease = ? WHERE seq IN (${first}) AND ${isClaimable} RETURNING ${columns})
        SELECT ${columns} FROM claimed ORDER BY seq`;
      return (await this.root.query(claimed, [token, this.fleet, this.fleet, token])).map(claimedOf);
    }
    const picked = (await this.root.query(first, [this.fleet])).map(({ seq }) => String(seq));
    const claimable = { where: isClaimable, parameters: [this.fleet, token] };
    if ((await this.rows.update(picked, 'lease = ?', [token], claimable)) === 0) return [];
    const rows = await this.root.query(
      `SELECT ${columns} FROM ${OUTBOX} WHERE seq IN (${seqList(picked)}) AND state = ${ROW.waiting} AND lease = ? ORDER BY seq`,
      [token],
    );
    return rows.map(claimedOf);
  }

  /** Finds the rows to claim next. Takes the fleet. */
  private first({ rows, bytes }: BatchLimit): string {
    const first = `SELECT first.seq, ${this.sql.sizeOf('first.body')} AS size_ FROM ${OUTBOX} first
      WHERE first.fleet = ? AND first.state = ${ROW.waiting}
        AND NOT EXISTS (SELECT 1 FROM ${OUTBOX} earlier WHERE earlier.fleet = first.fleet
          AND earlier.key_hash = first.key_hash AND earlier.state = ${ROW.late} AND earlier.seq < first.seq)
      ORDER BY first.seq LIMIT ${rows}`;
    const sized = `SELECT seq, SUM(size_) OVER (ORDER BY seq) - size_ AS before_ FROM (${first}) found`;
    return `SELECT seq FROM (${sized}) sized WHERE before_ < ${bytes} ORDER BY seq`;
  }

  /** Deletes the rows of a batch that are still claimed. */
  async forget(token: string, rows: readonly ClaimedRow[]): Promise<void> {
    await this.rows.delete(numbersOf(rows), claimedBy(token));
  }

  /** Keeps the rows of a batch that are still claimed, for as long as a process lives that has them in its memory. */
  async hold(token: string, rows: readonly ClaimedRow[], holder: string, ttl: number): Promise<void> {
    const changes = `state = ${ROW.held}, lease = ?, due = ${this.later()}`;
    await this.rows.update(numbersOf(rows), changes, [holder, String(ttl)], claimedBy(token));
  }

  /** Keeps how rows have ended, for their handles. @param keep in milliseconds. */
  async settle(token: string, rows: readonly ClaimedRow[], note: string, keep: number): Promise<void> {
    const changes = `state = ${ROW.settled}, body = '', note = ?, due = ${this.later()}, lease = ''`;
    await this.rows.update(numbersOf(rows), changes, [note, String(keep)], claimedBy(token));
  }

  /** Puts rows off. @param delay in milliseconds. */
  async putOff(token: string, rows: readonly ClaimedRow[], note: string, delay: number): Promise<void> {
    const changes = `state = ${ROW.late}, attempts = attempts + 1, note = ?, due = ${this.later()}, lease = ''`;
    await this.rows.update(numbersOf(rows), changes, [note, String(delay)], claimedBy(token));
  }

  /** Leaves rows to a later batch. */
  async skip(token: string, rows: readonly ClaimedRow[]): Promise<void> {
    await this.rows.update(numbersOf(rows), "lease = ''", [], claimedBy(token));
  }

  /** Lets rows be relayed again that were put off until now, or held by a process that has died. Forgets settled ones. */
  async tidy(): Promise<void> {
    const over = this.ofFleet(`state IN (${ROW.late}, ${ROW.held}) AND due <= ${this.sql.now}`);
    await this.rows.update(await this.rows.find(over), `state = ${ROW.waiting}, lease = ''`, [], over);
    const settled = this.ofFleet(`state = ${ROW.settled} AND due <= ${this.sql.now}`);
    await this.rows.delete(await this.rows.find(settled), settled);
  }

  /** Prolongs the lease of the rows that a process holds. */
  async renewHeld(holder: string, ttl: number): Promise<void> {
    const held = this.heldBy(holder);
    await this.rows.update(await this.rows.find(held), `due = ${this.later()}`, [String(ttl)], held);
  }

  /** Lets others relay the rows that a process holds. */
  async releaseHeld(holder: string): Promise<void> {
    const held = this.heldBy(holder);
    await this.rows.update(await this.rows.find(held), `state = ${ROW.waiting}, lease = ''`, [], held);
  }

  /** Deletes rows that a process holds. */
  async forgetHeld(holder: string, ids: readonly string[]): Promise<void> {
    const { where, parameters } = this.heldBy(holder);
    const isOne = `${where} AND id IN (${ids.map(() => '?').join(', ')})`;
    const held = { where: isOne, parameters: [...parameters, ...ids] };
    await this.rows.delete(await this.rows.find(held), held);
  }

  /** Wakes the relays of the fleet, where the database can. */
  async wake(): Promise<void> {
    if (this.dialect !== 'postgres') return;
    await this.root.query(`SELECT CAST(pg_notify('${OUTBOX_CHANNEL}', ?) AS TEXT) AS told`, [this.fleet]);
  }

  /** Deletes all that the tables have of the fleet. */
  async forgetFleet(): Promise<void> {
    const all = this.ofFleet('seq > 0');
    await this.rows.delete(await this.rows.find(all), all);
    await this.root.execute(`DELETE FROM ${RELAYS} WHERE fleet = ?`, [this.fleet]);
  }

  private heldBy(holder: string): RowCondition {
    return this.ofFleet(`state = ${ROW.held} AND lease = ?`, holder);
  }

  private ofFleet(where: string, ...parameters: readonly OutboxValue[]): RowCondition {
    return { where: `fleet = ? AND ${where}`, parameters: [this.fleet, ...parameters] };
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
    size: Buffer.byteLength(String(body)),
    attempts: Number(attempts),
    entry: decodeEntry(String(body)),
  };
}

function numbersOf(rows: readonly ClaimedRow[]): string[] {
  return rows.map(({ seq }) => seq);
}

/** Finds the rows that a relay still has in hand. */
function claimedBy(token: string): RowCondition {
  return { where: `state = ${ROW.waiting} AND lease = ?`, parameters: [token] };
}

/** Tells whether there may be further rows. */
export function isFull(rows: readonly ClaimedRow[], limit: BatchLimit): boolean {
  return rows.length === limit.rows || rows.reduce((sum, { size }) => sum + size, 0) >= limit.bytes;
}
