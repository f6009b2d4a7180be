import type { OutboxConnection, OutboxValue } from './outbox-database.js';
import type { OutboxDialect } from './outbox-dialect.js';
import { OUTBOX_TABLE as OUTBOX } from './outbox-schema.js';

/** Number of rows of one statement. */
const MOST_ROWS = 1_000;

/** Condition of a statement, with a parameter for each question mark. */
export interface RowCondition {
  readonly where: string;
  readonly parameters: readonly OutboxValue[];
}

/**
 * Changes rows of the outbox by their numbers, which it has found before without locks.
 *
 * InnoDB locks all rows and gaps that an UPDATE or DELETE looks at, and waits for rows of open transactions among them. A
 * condition on another index would hold the relay up until an application commits, and its inserts until the relay goes on.
 */
export class RowChanges {
  constructor(
    private readonly root: OutboxConnection,
    private readonly dialect: OutboxDialect,
  ) {}

  /** Returns the numbers of the rows, in their order. */
  async find({ where, parameters }: RowCondition): Promise<string[]> {
    const rows = await this.root.query(`SELECT seq FROM ${OUTBOX} WHERE ${where} ORDER BY seq`, parameters);
    return rows.map(({ seq }) => String(seq));
  }

  /** Changes those of the rows that meet the condition. @returns their number. */
  update(
    numbers: readonly string[],
    changes: string,
    values: readonly OutboxValue[],
    { where, parameters }: RowCondition,
  ): Promise<number> {
    return this.run(`UPDATE ${this.table()} SET ${changes} WHERE`, numbers, where, [...values, ...parameters]);
  }

  /** Deletes those of the rows that meet the condition. @returns their number. */
  delete(numbers: readonly string[], { where, parameters }: RowCondition): Promise<number> {
    // MySQL takes the name of an index for the deletion from a list of tables.
    const start = this.dialect === 'mysql' ? `DELETE ${OUTBOX} FROM` : 'DELETE FROM';
    return this.run(`${start} ${this.table()} WHERE`, numbers, where, parameters);
  }

  private async run(
    start: string,
    numbers: readonly string[],
    where: string,
    parameters: readonly OutboxValue[],
  ): Promise<number> {
    let changed = 0;
    for (let from = 0; from < numbers.length; from += MOST_ROWS) {
      const list = seqList(numbers.slice(from, from + MOST_ROWS));
      changed += await this.root.execute(`${start} seq IN (${list}) AND ${where}`, parameters);
    }
    return changed;
  }

  /** Without the name of the index, MySQL reads a small table from its begin to its end. */
  private table(): string {
    return this.dialect === 'mysql' ? `${OUTBOX} FORCE INDEX (PRIMARY)` : OUTBOX;
  }
}

/** Returns numbers of rows as a list of SQL. They come from the database itself. */
export function seqList(numbers: readonly string[]): string {
  return numbers.map((seq) => BigInt(seq)).join(', ');
}
