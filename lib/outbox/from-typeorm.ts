import type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
import { describeType, TasksConfigError } from '../task/task-errors.js';
import { has, isObject } from './library-object.js';
import { listenBeside, type ListeningPool } from './listening-pool.js';
import { numbered } from './numbered.js';
import { outsideTransaction } from './outside-transaction.js';
import { whileOpen } from './while-open.js';
import { withoutValues } from './without-values.js';

/**
 * Part of a query runner of TypeORM that the outbox uses.
 *
 * @publicApi
 */
export interface TypeOrmQueryRunner {
  readonly isReleased: boolean;
  readonly isTransactionActive: boolean;
  query(
    statement: string,
    parameters: OutboxValue[],
    useStructuredResult: true,
  ): Promise<{ records: OutboxRow[]; affected?: number | undefined }>;
  release(): Promise<void>;
}

/**
 * Part of a DataSource of TypeORM that the outbox uses.
 *
 * @publicApi
 */
export interface TypeOrmDataSource {
  readonly options: { readonly type: string };
  /** Tells the transactions of this DataSource. A proxy of it has the same one. */
  readonly driver: object;
  createQueryRunner(mode?: 'master'): TypeOrmQueryRunner;
}

const DIALECTS: Readonly<Record<string, OutboxDatabase['dialect']>> = {
  postgres: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  'better-sqlite3': 'sqlite',
  sqlite: 'sqlite',
  sqljs: 'sqlite',
};
const ALLOWED = `a DataSource of TypeORM, of type ${Object.keys(DIALECTS).join(', ')}`;

/**
 * Returns the outbox's database for an application that uses TypeORM, on PostgreSQL, MySQL, MariaDB or SQLite.
 *
 * A transaction is the manager that `dataSource.transaction()` hands to its callback, or a query runner after its
 * `startTransaction()`. On SQLite, TypeORM has one connection for all: statements of the relay wait until no transaction is
 * open on it. On PostgreSQL, the outbox listens on one connection of its own, with the options of TypeORM's pool.
 *
 * @param dataSource the DataSource of the application. It may be initialized later.
 * @throws {TasksConfigError} for anything but a DataSource, and one of another type of database.
 * @example
 * ```ts
 * TasksModule.forRootAsync({
 *   inject: [DataSource],
 *   useFactory: (dataSource: DataSource) => ({ queue: { url, outbox: { database: fromTypeOrm(dataSource) } } }),
 * });
 *
 * await this.dataSource.transaction(async (manager) => {
 *   await manager.save(order);
 *   await this.queue.add(this.orders.process, { transaction: manager })(order.id);
 * });
 * ```
 * @publicApi
 */
export function fromTypeOrm(dataSource: TypeOrmDataSource): OutboxDatabase {
  const dialect = dialectOf(dataSource);
  const onRunner = async <T>(use: (connection: OutboxConnection) => Promise<T>): Promise<T> => {
    const runner = dataSource.createQueryRunner('master');
    try {
      return await use(connectionOf(runner, dialect));
    } finally {
      await runner.release();
    }
  };
  const onShared = async <T>(use: (connection: OutboxConnection) => Promise<T>): Promise<T> => {
    const runner = dataSource.createQueryRunner('master');
    return outsideTransaction(
      () => runner.isTransactionActive,
      async () => {
        const result = await use(connectionOf(runner, dialect));
        // sql.js saves its database then, which would end a transaction that has begun since.
        if (!runner.isTransactionActive) await runner.release();
        return result;
      },
    );
  };
  const run = dialect === 'sqlite' ? onShared : onRunner;
  return {
    dialect,
    transactions: 'the manager that dataSource.transaction() hands to its callback',
    query: (statement, parameters) => run((connection) => connection.query(statement, parameters)),
    execute: (statement, parameters) => run((connection) => connection.execute(statement, parameters)),
    within: (transaction) => {
      const runner = runnerOf(transaction, dataSource.driver);
      const isOpen = () => runner?.isTransactionActive === true && !runner.isReleased;
      return runner && whileOpen(isOpen, connectionOf(runner, dialect));
    },
    ...(dialect === 'postgres' && {
      listen: (...listening) => listenBeside((dataSource.driver as { master: ListeningPool }).master, ...listening),
    }),
  };
}

function dialectOf(dataSource: unknown): OutboxDatabase['dialect'] {
  if (!isObject(dataSource) || !has(dataSource, 'createQueryRunner') || !isObject(dataSource.options)) {
    throw new TasksConfigError('fromTypeOrm(dataSource)', undefined, ALLOWED, describeType(dataSource));
  }
  const { type } = dataSource.options;
  const dialect = DIALECTS[String(type)];
  if (dialect === undefined) throw new TasksConfigError('fromTypeOrm(dataSource).options.type', type, ALLOWED);
  return dialect;
}

/** Returns the query runner of a manager, or a query runner itself. That of another DataSource is none. */
function runnerOf(transaction: unknown, driver: object): TypeOrmQueryRunner | undefined {
  if (!isObject(transaction)) return undefined;
  const runner = isObject(transaction.queryRunner) ? transaction.queryRunner : transaction;
  // The name was `connection` before TypeORM 1.0.
  const source = runner.dataSource ?? runner.connection;
  if (!has(runner, 'query', 'startTransaction', 'release')) return undefined;
  return isObject(source) && source.driver === driver ? (runner as unknown as TypeOrmQueryRunner) : undefined;
}

function connectionOf(runner: TypeOrmQueryRunner, dialect: OutboxDatabase['dialect']): OutboxConnection {
  const run = (statement: string, parameters: readonly OutboxValue[]) =>
    withoutValues(statement, () =>
      runner.query(dialect === 'postgres' ? numbered(statement) : statement, [...parameters], true),
    );
  return {
    query: async (statement, parameters) => (await run(statement, parameters)).records,
    execute: async (statement, parameters) => (await run(statement, parameters)).affected ?? 0,
  };
}
