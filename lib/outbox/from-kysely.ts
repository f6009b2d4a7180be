import type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
import { TasksConfigError } from '../task/task-errors.js';
import { has, isObject } from './library-object.js';
import { numbered } from './numbered.js';
import { databaseUnsupported } from './outbox-errors.js';
import { withoutValues } from './without-values.js';

/**
 * Part of an instance of Kysely that the outbox uses.
 *
 * @publicApi
 */
export interface KyselyInstance {
  getExecutor(): { readonly adapter: object };
  withoutPlugins(): object;
}

interface Kysely {
  readonly isTransaction: boolean;
  getExecutor(): Executor;
  withoutPlugins(): Kysely;
}

interface Executor {
  readonly adapter: object;
  /** Throws at once where the transaction is over. */
  provideConnection(use: () => Promise<void>): Promise<void>;
  executeQuery(query: object): Promise<{ rows: OutboxRow[]; numAffectedRows?: bigint }>;
}

/** Names of adapters, which dialects of others use or extend too. */
const ADAPTERS = [
  [/postgres/i, 'postgres'],
  [/mysql/i, 'mysql'],
  [/sqlite/i, 'sqlite'],
] as const;

/**
 * Returns the outbox's database for an application that uses Kysely, with PostgreSQL, MySQL, MariaDB or SQLite.
 *
 * A transaction is what `db.transaction().execute()` hands to its callback, or `db.startTransaction().execute()` returns.
 *
 * @param db the instance of the application.
 * @throws {TasksConfigError} for anything but an instance, and for other databases.
 * @example
 * ```ts
 * TasksModule.forRoot({ queue: { url, outbox: { database: fromKysely(db) } } });
 *
 * await db.transaction().execute(async (trx) => {
 *   await trx.insertInto('orders').values(order).execute();
 *   await this.queue.add(this.orders.process, { transaction: trx })(order.id);
 * });
 * ```
 * @publicApi
 */
export function fromKysely(db: KyselyInstance): OutboxDatabase {
  if (!isKysely(db) || db.isTransaction) {
    throw new TasksConfigError('fromKysely(db)', db, 'an instance of Kysely, from new Kysely({ dialect })');
  }
  const dialect = dialectOf(db);
  if (dialect === undefined) throw databaseUnsupported('fromKysely(db)', db, namesOf(adapterOf(db))[0] ?? 'unknown');
  return {
    dialect,
    transactions: 'the transaction that db.transaction().execute() hands to its callback',
    ...connectionOf(db, dialect),
    within: (value) =>
      isKysely(value) && value.isTransaction && dialectOf(value) === dialect && isOpen(value)
        ? connectionOf(value, dialect)
        : undefined,
  };
}

function connectionOf(db: Kysely, dialect: OutboxDatabase['dialect']): OutboxConnection {
  // A plugin of the application may rename columns.
  const executor = db.withoutPlugins().getExecutor();
  const run = (statement: string, parameters: readonly OutboxValue[]) => {
    const sql = dialect === 'postgres' ? numbered(statement) : statement;
    return withoutValues(sql, () => executor.executeQuery(compiled(sql, parameters)));
  };
  return {
    query: async (statement, parameters) => (await run(statement, parameters)).rows,
    execute: async (statement, parameters) => Number((await run(statement, parameters)).numAffectedRows ?? 0),
  };
}

/** Makes what `CompiledQuery.raw()` of Kysely would. */
function compiled(sql: string, parameters: readonly OutboxValue[]): object {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] };
  return { sql, parameters, query, queryId: { queryId: 'nestjs-tasks' } };
}

/**
 * Asks the executor: only a controlled transaction tells by itself that it is over. Before Kysely 0.29, the executor of one
 * with a callback does not know: late statements of the application itself run outside of it just as well.
 */
function isOpen(transaction: Kysely): boolean {
  try {
    transaction
      .getExecutor()
      .provideConnection(async () => undefined)
      .catch(() => undefined);
    return true;
  } catch {
    return false;
  }
}

function adapterOf(db: Kysely): object {
  return db.getExecutor().adapter;
}

function dialectOf(db: Kysely): OutboxDatabase['dialect'] | undefined {
  const names = namesOf(adapterOf(db));
  return ADAPTERS.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
}

/** Returns the names of the object's class and of those that it extends. */
function namesOf(value: object): string[] {
  const names: string[] = [];
  let prototype = Object.getPrototypeOf(value) as object | null;
  for (; prototype !== null && prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype) as object) {
    names.push(prototype.constructor.name);
  }
  return names;
}

function isKysely(value: unknown): value is Kysely {
  return isObject(value) && has(value, 'getExecutor', 'withoutPlugins', 'executeQuery') && 'isTransaction' in value;
}
