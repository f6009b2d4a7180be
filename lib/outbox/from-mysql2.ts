import type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
import { TasksConfigError } from '../task/task-errors.js';
import { has, isObject } from './library-object.js';

/**
 * Part of a pool of mysql2 or mysql2/promise that the outbox uses.
 *
 * @publicApi
 */
export interface Mysql2Pool {
  getConnection: unknown;
  execute: unknown;
}

/** Answer to a statement that returns no rows. */
interface Header {
  readonly affectedRows: number;
  readonly serverStatus: number;
}

type Answer = readonly OutboxRow[] | Header;
type Callback = (error: unknown, answer: Answer) => void;

/** Pool or connection of mysql2 with callbacks; the ones with promises are wrapped around these. */
interface Core {
  query(options: object, callback: Callback): unknown;
  execute(options: object, values: OutboxValue[], callback: Callback): unknown;
}

const IN_TRANSACTION = 0x1;
const AUTOCOMMIT = 0x2;
/** Overrides settings of the pool that give rows another form. */
const PLAIN = { rowsAsArray: false, nestTables: false, typeCast: true };

/**
 * Returns the outbox's database for an application that uses mysql2.
 *
 * A transaction is the connection, from `pool.getConnection()` or `createConnection()`, between its `beginTransaction()` and
 * its `commit()`. The outbox asks the server whether it is open.
 *
 * @param pool the pool of the application, of mysql2 or mysql2/promise. The outbox uses a connection for each statement.
 * @throws {TasksConfigError} for anything but a pool.
 * @example
 * ```ts
 * TasksModule.forRoot({ queue: { url, outbox: { database: fromMysql2(pool) } } });
 *
 * const connection = await pool.getConnection();
 * await connection.beginTransaction();
 * await connection.execute('INSERT INTO orders …');
 * await this.queue.add(this.orders.process, { transaction: connection })(order.id);
 * await connection.commit();
 * connection.release();
 * ```
 * @publicApi
 */
export function fromMysql2(pool: Mysql2Pool): OutboxDatabase {
  const core = coreOf(pool);
  if (core === undefined || !isPool(core)) {
    throw new TasksConfigError('fromMysql2(pool)', pool, 'a pool, from createPool() of mysql2 or mysql2/promise');
  }
  return {
    dialect: 'mysql',
    transactions: 'the connection that pool.getConnection() returns, after its beginTransaction()',
    ...connectionOf(core),
    within: (transaction) => {
      const connection = coreOf(transaction);
      return connection === undefined || isPool(connection) ? undefined : openOf(connection);
    },
  };
}

function connectionOf(core: Core): OutboxConnection {
  const run = (statement: string, parameters: readonly OutboxValue[]) =>
    answerOf((callback) => core.execute({ ...PLAIN, sql: statement }, [...parameters], callback));
  return {
    query: async (statement, parameters) => {
      const answer = await run(statement, parameters);
      return 'affectedRows' in answer ? [] : answer;
    },
    execute: async (statement, parameters) => {
      const answer = await run(statement, parameters);
      return 'affectedRows' in answer ? answer.affectedRows : 0;
    },
  };
}

/** Returns the connection if a transaction is open on it. The client does not keep what the server says of that. */
async function openOf(core: Core): Promise<OutboxConnection | undefined> {
  const answer = await answerOf((callback) => core.query({ sql: 'DO 0' }, callback)).catch(() => undefined);
  if (answer === undefined || !('serverStatus' in answer)) return undefined;
  // Without autocommit, the first statement begins a transaction.
  const isOpen = (answer.serverStatus & IN_TRANSACTION) !== 0 || (answer.serverStatus & AUTOCOMMIT) === 0;
  return isOpen ? connectionOf(core) : undefined;
}

function answerOf(ask: (callback: Callback) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    ask((error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

function coreOf(value: unknown): Core | undefined {
  if (!isObject(value)) return undefined;
  const candidates = [value, value['pool'], value['connection']];
  return candidates.find((one): one is Core & object => isObject(one) && has(one, 'execute', 'query', 'promise'));
}

function isPool(core: Core): boolean {
  return 'getConnection' in core;
}
