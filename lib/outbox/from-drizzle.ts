import type { OutboxDatabase } from '../queue/broker/outbox/outbox-database.js';
import { describeType, TasksConfigError } from '../task/task-errors.js';
import { drizzleConnection } from './drizzle-connection.js';
import { type DrizzleHandle, isTransaction, kindsOf } from './drizzle-handle.js';
import { openOf } from './drizzle-transaction.js';
import { has, isObject, type LibraryObject } from './library-object.js';
import { isListeningPool, listenBeside } from './listening-pool.js';
import { outsideTransaction } from './outside-transaction.js';
import { whenUnlocked } from './unlocked-database.js';

/**
 * Part of a database of Drizzle that the outbox uses. Its other members are read at run time, since they differ by driver.
 *
 * @publicApi
 */
export interface DrizzleDatabase {
  select: unknown;
  transaction: unknown;
}

const DIALECTS: readonly (readonly [RegExp, OutboxDatabase['dialect']])[] = [
  [/^Pg(Async)?Database$/, 'postgres'],
  [/^MySqlDatabase$/, 'mysql'],
  [/^BaseSQLiteDatabase$/, 'sqlite'],
];
const ALLOWED = 'a database of Drizzle, with a driver for PostgreSQL, MySQL, MariaDB or SQLite';
const POOL = 'a database over a pool, such as drizzle(new Pool(…))';

/**
 * Returns the outbox's database for an application that uses Drizzle, such as with node-postgres, postgres.js, mysql2,
 * better-sqlite3 or libSQL.
 *
 * A transaction is the `tx` that `db.transaction()` hands to its callback. With postgres.js, the outbox asks the server
 * whether it is open. On better-sqlite3, statements of the relay wait until no transaction is open on its one connection. On
 * PostgreSQL, the outbox listens on one connection of its own, with the options of the pool.
 *
 * @param db the database of the application, over a pool where the driver has one.
 * @throws {TasksConfigError} for anything else, and for another database.
 * @example
 * ```ts
 * const db = drizzle(process.env.DATABASE_URL);
 *
 * TasksModule.forRoot({ queue: { url, outbox: { database: fromDrizzle(db) } } });
 *
 * await db.transaction(async (tx) => {
 *   const [order] = await tx.insert(orders).values(values).returning();
 *   await this.queue.add(this.orders.process, { transaction: tx })(order.id);
 * });
 * ```
 * @publicApi
 */
export function fromDrizzle(db: DrizzleDatabase): OutboxDatabase {
  const dialect = dialectOf(db);
  const root = db as unknown as DrizzleHandle;
  const { client } = root.session;
  refuseSingleConnection(client, dialect);
  const connection = drizzleConnection(root, dialect);
  const isHeld = () => client.inTransaction === true;
  const free = <R>(run: () => Promise<R>) =>
    whenUnlocked(
      async () => outsideTransaction(isHeld, run),
      () => renew(client),
    );
  return {
    dialect,
    transactions: 'the tx that db.transaction() hands to its callback',
    query: (...statement) => free(() => connection.query(...statement)),
    execute: (...statement) => free(() => connection.execute(...statement)),
    within: (transaction) => {
      if (!isTransaction(transaction) || transaction.dialect !== root.dialect) return undefined;
      return openOf(transaction, drizzleConnection(transaction, dialect));
    },
    ...listeningOf(client),
  };
}

function dialectOf(db: unknown): OutboxDatabase['dialect'] {
  // A database with replicas is a copy without a class.
  const kinds = isObject(db) ? kindsOf(isObject(db.$primary) ? db.$primary : db) : [];
  if (kinds.length === 0 || isTransaction(db)) {
    throw new TasksConfigError('fromDrizzle(db)', undefined, ALLOWED, describeType(db));
  }
  const [, dialect] = DIALECTS.find(([pattern]) => kinds.some((kind) => pattern.test(kind))) ?? [];
  if (dialect === undefined) throw new TasksConfigError('fromDrizzle(db)', undefined, ALLOWED, `a ${kinds[0]}`);
  return dialect;
}

/** A statement of the relay would get into a transaction that the application has open on that connection. */
function refuseSingleConnection(client: LibraryObject, dialect: OutboxDatabase['dialect']): void {
  const isOne =
    (dialect === 'postgres' && has(client, 'connect', 'query') && !('totalCount' in client)) ||
    (dialect === 'mysql' && has(client, 'beginTransaction'));
  if (isOne) throw new TasksConfigError('fromDrizzle(db)', undefined, POOL, 'a database over one connection');
}

/**
 * Gives a client of libSQL a new connection to its file. The old one still has the refused statement, with which a transaction
 * could not be committed.
 */
async function renew(client: LibraryObject): Promise<void> {
  if (client.protocol === 'file' && has(client, 'reconnect')) await (client as unknown as Libsql).reconnect();
}

interface Libsql {
  reconnect(): Promise<void>;
}

type Listening = Pick<OutboxDatabase, 'listen'>;

function listeningOf(client: LibraryObject): Listening {
  if (isListeningPool(client)) return { listen: (...listening) => listenBeside(client, ...listening) };
  if (!has(client, 'listen', 'unsafe')) return {};
  // postgres.js connects again by itself, and listens again.
  return {
    listen: async (channel, heard) => {
      const { unlisten } = await (client as unknown as PostgresJs).listen(channel, heard);
      return unlisten;
    },
  };
}

interface PostgresJs {
  listen(channel: string, heard: (payload: string) => void): Promise<{ unlisten(): Promise<void> }>;
}
