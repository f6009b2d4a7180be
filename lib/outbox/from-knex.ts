import type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
import { TasksConfigError } from '../task/task-errors.js';
import { has, isObject } from './library-object.js';
import { listenOn, type ListeningClient } from './listening-client.js';
import { databaseUnsupported } from './outbox-errors.js';
import { withoutValues } from './without-values.js';

/**
 * Part of an instance of knex that the outbox uses.
 *
 * @publicApi
 */
export interface KnexInstance {
  raw: unknown;
  client: unknown;
}

interface Knex {
  readonly client: Client;
  readonly isTransaction?: boolean;
  isCompleted?(): boolean;
}

/** Client of knex. In a transaction it has one connection, which it acquires again and again. */
interface Client {
  readonly driverName: string;
  readonly config: { readonly connection?: unknown; readonly connectionPool?: unknown };
  acquireConnection(): Promise<unknown>;
  releaseConnection(connection: unknown): Promise<unknown>;
  acquireRawConnection(): Promise<ListeningClient>;
  query(connection: unknown, query: object): Promise<Answer>;
}

/** Answer of the driver: of pg, of those for MySQL and MariaDB, and of those for SQLite. */
interface Answer {
  readonly response: Result | readonly [OutboxRow[] | Result, ...unknown[]] | OutboxRow[] | undefined;
  readonly context?: Result;
}

interface Result {
  readonly rows?: OutboxRow[];
  readonly rowCount?: number | null;
  readonly affectedRows?: number;
  readonly changes?: number | bigint;
}

const DRIVERS: ReadonlyMap<string, OutboxDatabase['dialect']> = new Map([
  ['pg', 'postgres'],
  ['pgnative', 'postgres'],
  ['mysql', 'mysql'],
  ['mysql2', 'mysql'],
  ['mariadb', 'mysql'],
  ['better-sqlite3', 'sqlite'],
  ['sqlite3', 'sqlite'],
]);
/** Method of a query with which the driver `sqlite3` returns the number of changed rows. */
const COUNTING = 'counter';

/**
 * Returns the outbox's database for an application that uses knex, with PostgreSQL, MySQL, MariaDB or SQLite.
 *
 * A transaction is what `knex.transaction()` returns or hands to its callback. On PostgreSQL the outbox listens on one
 * connection of its own, where the options of knex hold how to connect.
 *
 * @param knex the instance of the application.
 * @throws {TasksConfigError} for anything but an instance, and for other databases.
 * @example
 * ```ts
 * TasksModule.forRoot({ queue: { url, outbox: { database: fromKnex(knex) } } });
 *
 * await knex.transaction(async (trx) => {
 *   await trx('orders').insert(order);
 *   await this.queue.add(this.orders.process, { transaction: trx })(order.id);
 * });
 * ```
 * @publicApi
 */
export function fromKnex(knex: KnexInstance): OutboxDatabase {
  if (!isKnex(knex) || knex.isTransaction === true) {
    throw new TasksConfigError('fromKnex(knex)', knex, 'an instance of knex, from knex({ client, connection })');
  }
  const { client } = knex;
  const dialect = DRIVERS.get(client.driverName);
  if (dialect === undefined) throw databaseUnsupported('fromKnex(knex)', knex, client.driverName);
  const listen: OutboxDatabase['listen'] = async (channel, heard, lost) =>
    listenOn(await client.acquireRawConnection(), channel, heard, lost);
  return {
    dialect,
    transactions: 'the transaction that knex.transaction() hands to its callback',
    ...connectionOf(client, dialect),
    within: (value) => (isOpen(value, client) ? connectionOf(value.client, dialect) : undefined),
    ...(canConnect(client) ? { listen } : {}),
  };
}

/** Goes around `knex.raw()`, whose rows pass through the `postProcessResponse` of the application. */
function connectionOf(client: Client, dialect: OutboxDatabase['dialect']): OutboxConnection {
  const run = async (sql: string, bindings: readonly OutboxValue[], method?: string) => {
    const connection = await client.acquireConnection();
    try {
      return await withoutValues(sql, () => client.query(connection, { sql, bindings: [...bindings], method }));
    } finally {
      await client.releaseConnection(connection);
    }
  };
  return {
    query: async (statement, parameters) => rowsOf(resultOf(await run(statement, parameters), dialect)),
    execute: async (statement, parameters) => countOf(resultOf(await run(statement, parameters, COUNTING), dialect)),
  };
}

function resultOf({ response, context }: Answer, dialect: OutboxDatabase['dialect']): Result | OutboxRow[] {
  // Arrays of a row list and of what the driver says of its columns.
  if (dialect === 'mysql') return Array.isArray(response) ? (response[0] as Result | OutboxRow[]) : {};
  return context?.changes === undefined || Array.isArray(response)
    ? ((response ?? {}) as Result | OutboxRow[])
    : context;
}

function rowsOf(result: Result | OutboxRow[]): readonly OutboxRow[] {
  return Array.isArray(result) ? result : (result.rows ?? []);
}

function countOf(result: Result | OutboxRow[]): number {
  return Array.isArray(result) ? 0 : Number(result.rowCount ?? result.affectedRows ?? result.changes ?? 0);
}

function isOpen(value: unknown, { driverName }: Client): value is Knex {
  return (
    isKnex(value) &&
    value.isTransaction === true &&
    value.client.driverName === driverName &&
    value.isCompleted?.() === false
  );
}

/** Whether a connection beside those of the pool can be made: not with a pool of others, or with options that expire. */
function canConnect({ driverName, config: { connection, connectionPool } }: Client): boolean {
  return driverName === 'pg' && Boolean(connection) && typeof connection !== 'function' && connectionPool === undefined;
}

function isKnex(value: unknown): value is Knex {
  return (
    isObject(value) && has(value, 'raw', 'transaction') && isObject(value['client']) && 'driverName' in value['client']
  );
}
