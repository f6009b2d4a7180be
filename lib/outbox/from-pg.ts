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
import { transactionEnded } from './outbox-errors.js';

/**
 * Part of a pool of pg that the outbox uses.
 *
 * @publicApi
 */
export interface PgPool {
  connect: unknown;
  query: unknown;
  readonly totalCount: number;
}

interface Queries {
  query(query: { text: string; values: OutboxValue[] }): Promise<{ rows: OutboxRow[]; rowCount: number | null }>;
}

/** Pool, with members that the types of pg leave out: it makes its clients in the same way. */
interface Pool extends Queries {
  readonly Client: new (options: unknown) => ListeningClient & { connect(): Promise<unknown> };
  readonly options: unknown;
}

/** Client, from a pool or not. */
interface Client extends Queries {
  /** State after the last statement; `T` is an open transaction, `E` a failed one. Absent before pg 8.17. */
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
    within: (value) => (isClient(value) ? openOf(value) : undefined),
    listen: async (channel, heard, lost) => {
      const client = new pool.Client(pool.options);
      await client.connect();
      return listenOn(client, channel, heard, lost);
    },
  };
}

function connectionOf(queries: Queries, isHeld = () => true): OutboxConnection {
  const run = async (statement: string, parameters: readonly OutboxValue[]) => {
    // After an await, the transaction may be over. The statement would then be one by itself.
    if (!isHeld()) throw transactionEnded();
    return queries.query({ text: numbered(statement), values: [...parameters] });
  };
  return {
    query: async (statement, parameters) => (await run(statement, parameters)).rows,
    execute: async (statement, parameters) => (await run(statement, parameters)).rowCount ?? 0,
  };
}

function openOf(client: Client): OutboxConnection | undefined | Promise<OutboxConnection | undefined> {
  if (client.getTransactionStatus === undefined) return askedOf(client);
  const isHeld = () => client.getTransactionStatus?.() === 'T';
  return isHeld() ? connectionOf(client, isHeld) : undefined;
}

/** Asks the server, for an older pg that does not tell: savepoints are refused outside of a transaction. */
async function askedOf(client: Client): Promise<OutboxConnection | undefined> {
  const text = 'SAVEPOINT nestjs_tasks; RELEASE SAVEPOINT nestjs_tasks';
  return client.query({ text, values: [] }).then(
    () => connectionOf(client),
    () => undefined,
  );
}

function isPool(value: unknown): value is Pool {
  return isObject(value) && has(value, 'query', 'connect', 'Client') && 'totalCount' in value;
}

function isClient(value: unknown): value is Client {
  return isObject(value) && has(value, 'query', 'connect', 'escapeLiteral');
}
