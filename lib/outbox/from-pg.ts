import type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
import { TasksConfigError } from '../task/task-errors.js';
import { listenOn, type ListeningClient } from './listening-client.js';
import { has, isObject } from './library-object.js';
import { numbered } from './numbered.js';

/**
 * Part of a client of pg that the outbox uses.
 *
 * @publicApi
 */
export interface PgQueries {
  query(query: { text: string; values: OutboxValue[] }): Promise<{ rows: OutboxRow[]; rowCount: number | null }>;
}

/**
 * Part of a pool of pg that the outbox uses.
 *
 * @publicApi
 */
export interface PgPool extends PgQueries {
  readonly totalCount: number;
}

/** Members of a pool that the types of pg leave out: it makes its clients in the same way. */
interface Pool extends PgPool {
  readonly Client: new (options: unknown) => ListeningClient & { readonly database?: string };
  readonly options: unknown;
}

/** Members of a client, of which a pool has none. Versions before 8.17 have no `getTransactionStatus()`. */
interface Client extends PgQueries {
  readonly database?: string;
  getTransactionStatus?(): string | null;
}

/**
 * Returns the outbox's database for an application that uses pg.
 *
 * A transaction is the client, from `pool.connect()` or `new Client()`, between its `BEGIN` and its `COMMIT`. The outbox
 * listens on one connection of its own, with the options of the pool.
 *
 * @param pool the pool of the application, of which the outbox uses a client for each statement.
 * @throws {TasksConfigError} for anything but a pool.
 * @example
 * ```ts
 * TasksModule.forRoot({ queue: { url, outbox: { database: fromPg(pool) } } });
 *
 * const client = await pool.connect();
 * await client.query('BEGIN');
 * await client.query('INSERT INTO orders …');
 * await this.queue.add(this.orders.process, { transaction: client })(order.id);
 * await client.query('COMMIT');
 * client.release();
 * ```
 * @publicApi
 */
export function fromPg(pool: PgPool): OutboxDatabase {
  if (!isPool(pool)) throw new TasksConfigError('fromPg(pool)', pool, 'a pool, from new Pool() of pg');
  return {
    dialect: 'postgres',
    transactions: 'the client that pool.connect() returns, after its BEGIN',
    ...connectionOf(pool),
    within: (transaction) => {
      if (!isClient(transaction)) return undefined;
      return isOpen(transaction) ? connectionOf(transaction) : undefined;
    },
    listen: (channel, heard, lost) => listenOn(new pool.Client(pool.options), channel, heard, lost),
  };
}

function connectionOf(queries: PgQueries): OutboxConnection {
  const run = (statement: string, parameters: readonly OutboxValue[]) =>
    queries.query({ text: numbered(statement), values: [...parameters] });
  return {
    query: async (statement, parameters) => (await run(statement, parameters)).rows,
    execute: async (statement, parameters) => (await run(statement, parameters)).rowCount ?? 0,
  };
}

function isPool(value: unknown): value is Pool {
  return isObject(value) && has(value, 'query', 'connect', 'Client') && 'totalCount' in value;
}

function isClient(value: unknown): value is Client {
  return isObject(value) && has(value, 'query', 'connect') && !('totalCount' in value);
}

function isOpen(client: Client): boolean {
  return client.getTransactionStatus?.() === 'T';
}
