import type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
import { describeType, TasksConfigError } from '../task/task-errors.js';
import { has, isObject } from './library-object.js';
import { whileOpen } from './while-open.js';
import { withoutValues } from './without-values.js';

/**
 * Part of an entity manager of MikroORM that the outbox uses.
 *
 * @publicApi
 */
export interface MikroOrmManager {
  getConnection(): object;
  getDriver(): { getPlatform(): object };
  getTransactionContext(): unknown;
}

/** Connection of an SQL driver, which entity managers of `@mikro-orm/core` do not show. */
interface Connection {
  execute(statement: string, parameters: OutboxValue[], method: 'all' | 'run', context?: unknown): Promise<unknown>;
}

/** Dialects by the classes of MikroORM's platforms, those of MariaDB and libSQL included. */
const DIALECTS: readonly (readonly [RegExp, OutboxDatabase['dialect']])[] = [
  [/^(Base)?PostgreSqlPlatform$/, 'postgres'],
  [/^(Base)?MySqlPlatform$/, 'mysql'],
  [/^(Base)?SqlitePlatform$/, 'sqlite'],
];
const ALLOWED = 'MikroORM, or its entity manager, with a driver for PostgreSQL, MySQL, MariaDB, SQLite or libSQL';

/**
 * Returns the outbox's database for an application that uses MikroORM, on PostgreSQL, MySQL, MariaDB or SQLite.
 *
 * A transaction is the entity manager that `em.transactional()` hands to its callback, or one after its `begin()`. In
 * that callback, and in a method with `@Transactional()`, the injected entity manager stands for it, as it does for
 * MikroORM. The task is written at once, before entities that wait for a flush.
 *
 * @param orm MikroORM, or its entity manager.
 * @throws {TasksConfigError} for anything else, and for another database.
 * @example
 * ```ts
 * TasksModule.forRootAsync({
 *   inject: [MikroORM],
 *   useFactory: (orm: MikroORM) => ({ queue: { url, outbox: { database: fromMikroOrm(orm) } } }),
 * });
 *
 * await this.em.transactional(async (em) => {
 *   em.persist(order);
 *   await this.queue.add(this.orders.process, { transaction: em })(order.id);
 * });
 * ```
 * @publicApi
 */
export function fromMikroOrm(orm: MikroOrmManager | { readonly em: MikroOrmManager }): OutboxDatabase {
  const em = managerOf(orm);
  return {
    dialect: dialectOf(em),
    transactions: 'the entity manager that em.transactional() hands to its callback',
    query: (statement, parameters) => connectionOf(em).query(statement, parameters),
    execute: (statement, parameters) => connectionOf(em).execute(statement, parameters),
    within: (transaction) => {
      if (!isManager(transaction) || transaction.getDriver() !== em.getDriver()) return undefined;
      const context = transaction.getTransactionContext();
      return whileOpen(() => isOpen(context), connectionOf(em, context));
    },
  };
}

function managerOf(orm: unknown): MikroOrmManager {
  const em = isObject(orm) && isObject(orm.em) ? orm.em : orm;
  if (!isManager(em)) throw new TasksConfigError('fromMikroOrm(orm)', undefined, ALLOWED, describeType(orm));
  if (isOpen(em.getTransactionContext())) {
    throw new TasksConfigError('fromMikroOrm(orm)', undefined, ALLOWED, 'the entity manager of a transaction');
  }
  return em;
}

function dialectOf(em: MikroOrmManager): OutboxDatabase['dialect'] {
  const platform = em.getDriver().getPlatform();
  for (let type: unknown = platform.constructor; typeof type === 'function'; type = Object.getPrototypeOf(type)) {
    const { name } = type;
    const [, dialect] = DIALECTS.find(([pattern]) => pattern.test(name)) ?? [];
    if (dialect !== undefined) return dialect;
  }
  throw new TasksConfigError('fromMikroOrm(orm)', undefined, ALLOWED, `MikroORM with ${platform.constructor.name}`);
}

function isManager(value: unknown): value is MikroOrmManager {
  return isObject(value) && has(value, 'getConnection', 'getDriver', 'getTransactionContext');
}

/** Tells whether a context of a transaction is open: a manager keeps that of one that has ended. */
function isOpen(context: unknown): boolean {
  if (!isObject(context)) return false;
  // Of Kysely, and of Knex until MikroORM 7.
  const hasEnded = context.isCommitted === true || context.isRolledBack === true;
  return !hasEnded && !(has(context, 'isCompleted') && (context as unknown as KnexContext).isCompleted());
}

interface KnexContext {
  isCompleted(): boolean;
}

/** Runs in the transaction of a context, or on a connection of the pool. */
function connectionOf(em: MikroOrmManager, context?: unknown): OutboxConnection {
  const run = (statement: string, parameters: readonly OutboxValue[], method: 'all' | 'run') =>
    withoutValues(statement, () =>
      (em.getConnection() as Connection).execute(statement, [...parameters], method, context),
    );
  return {
    query: async (statement, parameters) => (await run(statement, parameters, 'all')) as OutboxRow[],
    execute: async (statement, parameters) => {
      const { affectedRows } = (await run(statement, parameters, 'run')) as { affectedRows: number };
      return affectedRows;
    },
  };
}
