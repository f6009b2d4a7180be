import type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
import { TasksConfigError } from '../task/task-errors.js';
import { has, isObject } from './library-object.js';
import { transactionEnded } from './outbox-errors.js';
import { outsideTransaction } from './outside-transaction.js';

/**
 * Part of a database of better-sqlite3, libsql or node:sqlite that the outbox uses.
 *
 * @publicApi
 */
export interface SqliteDatabase {
  prepare: unknown;
  exec: unknown;
}

interface Database {
  prepare(statement: string): Statement;
  exec(statement: string): unknown;
  /** Of better-sqlite3 and libsql. */
  readonly inTransaction?: boolean;
  /** Of node:sqlite, since 22.16 and 24. */
  readonly isTransaction?: boolean;
}

interface Statement {
  /** Whether it returns rows; of better-sqlite3 and libsql, which allow `all()` for no other. */
  readonly reader?: boolean;
  all(...parameters: OutboxValue[]): OutboxRow[];
  run(...parameters: OutboxValue[]): { readonly changes: number | bigint };
  /** Of node:sqlite: the database may have been opened with `returnArrays`. */
  setReturnArrays?(isOn: boolean): void;
}

/**
 * Returns the outbox's database for an application that uses better-sqlite3, libsql or node:sqlite.
 *
 * A transaction is the database itself, between its `BEGIN` and its `COMMIT`, or in `db.transaction()`. Inside one, the row is
 * written before `queue.add()` returns its promise, so that a transaction without any await holds it. Between transactions,
 * the outbox uses the same database.
 *
 * @param db the database of the application.
 * @throws {TasksConfigError} for anything but such a database.
 * @example
 * ```ts
 * TasksModule.forRoot({ queue: { url, outbox: { database: fromSqlite(db) } } });
 *
 * let adding: Promise<unknown> | undefined;
 * db.transaction(() => {
 *   insertOrder.run(order);
 *   adding = this.queue.add(this.orders.process, { transaction: db })(order.id);
 * })();
 * await adding; // not inside: better-sqlite3 refuses a transaction that returns a promise
 * ```
 * @publicApi
 */
export function fromSqlite(db: SqliteDatabase): OutboxDatabase {
  if (!isDatabase(db)) {
    throw new TasksConfigError('fromSqlite(db)', db, 'a database of better-sqlite3, libsql or node:sqlite');
  }
  const isHeld = () => isInTransaction(db);
  const inside: OutboxConnection = connectionOf(db, (run) => {
    // After an await, the transaction may be over. The statement would then be one by itself.
    if (!isHeld()) throw transactionEnded();
    return run();
  });
  return {
    dialect: 'sqlite',
    transactions: 'the database, after its BEGIN or in its transaction()',
    ...connectionOf(db, (run) => outsideTransaction(isHeld, run)),
    within: (transaction) => (transaction === db && isHeld() ? inside : undefined),
  };
}

type Moment = <R>(run: () => R) => R | Promise<R>;

/** @param moment runs a statement at once, or later. */
function connectionOf(db: Database, moment: Moment): OutboxConnection {
  return {
    query: async (statement, parameters) =>
      moment(() => {
        const prepared = db.prepare(statement);
        prepared.setReturnArrays?.(false);
        if (prepared.reader !== false) return prepared.all(...parameters);
        prepared.run(...parameters);
        return [];
      }),
    execute: async (statement, parameters) => moment(() => Number(db.prepare(statement).run(...parameters).changes)),
  };
}

function isInTransaction(db: Database): boolean {
  const known = db.inTransaction ?? db.isTransaction;
  if (known !== undefined) return known;
  // An older node:sqlite does not tell. BEGIN fails inside a transaction, and takes no lock outside of one.
  try {
    db.exec('BEGIN');
  } catch (error) {
    if (String(error).includes('within a transaction')) return true;
    throw error;
  }
  db.exec('COMMIT');
  return false;
}

function isDatabase(value: unknown): value is Database {
  return isObject(value) && has(value, 'prepare', 'exec', 'close');
}
