import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import mysql from 'mysql2/promise';
import { fromMysql2, fromPg, fromSqlite } from 'nestjs-tasks/outbox';
import { Client, Pool } from 'pg';
import type { OutboxDatabase } from '../../lib/queue/broker/outbox/outbox-database.js';

export type OutboxKind = 'sqlite' | 'postgres' | 'mysql';

const chosen = process.env['TASKS_TEST_OUTBOXES']?.split(',') ?? ['sqlite', 'postgres', 'mysql'];

/** All databases that an outbox may lie in, for `describe.each`. */
export const OUTBOXES = chosen as readonly OutboxKind[];
/** Those with a server, which many connections reach at once. */
export const OUTBOX_SERVERS = OUTBOXES.filter((kind) => kind !== 'sqlite');

type Rows = Record<string, unknown>[];

/** Isolation of a transaction, where it is not the database's own. SQLite has one only. */
export type Isolation = 'REPEATABLE READ' | 'SERIALIZABLE';

/** Open transaction of an application. It is rolled back with its scope, unless it has ended. */
export interface TestTransaction extends AsyncDisposable {
  /** Value of the option `transaction`. */
  readonly handle: object;
  /** Runs a statement of the application, without parameters. */
  run(sql: string): Promise<Rows>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** Connections of one process to the database of an application. */
export interface TestConnections extends AsyncDisposable {
  readonly kind: OutboxKind;
  /** Name of the database, for `connectOutboxDatabase()` in this process or another one. */
  readonly address: string;
  readonly database: OutboxDatabase;
  /** The client or pool itself: no transaction. */
  readonly root: object;
  begin(isolation?: Isolation): Promise<TestTransaction>;
  /** Runs a statement outside of transactions. */
  query(sql: string): Promise<Rows>;
}

/** Database of an application, with a table `orders` of its own. It is dropped with its connections. */
export type TestDatabase = TestConnections;

/** Commits what `work` does, or rolls it back when that throws. */
export async function inTransaction<T>(
  database: TestConnections,
  work: (transaction: TestTransaction) => Promise<T>,
): Promise<T> {
  const transaction = await database.begin();
  try {
    const result = await work(transaction);
    await transaction.commit();
    return result;
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}

/** URL of the server of the databases. */
export function outboxUrl(kind: 'postgres' | 'mysql'): string {
  if (kind === 'postgres') return process.env['TASKS_TEST_POSTGRES_URL'] ?? '';
  const url = process.env['TASKS_TEST_MYSQL_URL'];
  if (url === undefined) throw new Error(process.env['TASKS_TEST_MYSQL_PROBLEM'] ?? 'TASKS_TEST_MYSQL_URL is not set.');
  return url;
}

export async function openOutboxDatabase(kind: OutboxKind): Promise<TestDatabase> {
  const { address, drop } = await CREATE[kind](`nestjs_tasks_test_${Date.now()}_${randomBytes(4).toString('hex')}`);
  const database = connectOutboxDatabase(kind, address);
  await database.query('CREATE TABLE orders (id VARCHAR(40) PRIMARY KEY)');
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await drop();
    },
  };
}

/** @param url of the server, where it is another one: that of a proxy. */
export function connectOutboxDatabase(kind: OutboxKind, address: string, url?: string): TestConnections {
  return CONNECT[kind](address, url);
}

interface Created {
  readonly address: string;
  drop(): Promise<void>;
}

const CREATE: Readonly<Record<OutboxKind, (name: string) => Promise<Created>>> = {
  async postgres(name) {
    const admin = new Client(outboxUrl('postgres'));
    await admin.connect();
    await admin.query(`CREATE SCHEMA ${name}`);
    return {
      address: name,
      async drop() {
        await admin.query(`DROP SCHEMA ${name} CASCADE`);
        await admin.end();
      },
    };
  },

  async mysql(name) {
    const admin = await mysql.createConnection(outboxUrl('mysql'));
    await admin.query(`CREATE DATABASE ${name}`);
    return {
      address: name,
      async drop() {
        await admin.query(`DROP DATABASE ${name}`);
        await admin.end();
      },
    };
  },

  sqlite() {
    const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-outbox-'));
    return Promise.resolve({
      address: join(folder, 'app.db'),
      drop: () => Promise.resolve(rmSync(folder, { recursive: true })),
    });
  },
};

const CONNECT: Readonly<Record<OutboxKind, (address: string, url?: string) => TestConnections>> = {
  postgres(address, url = outboxUrl('postgres')) {
    const pool = new Pool({ connectionString: url, options: `-c search_path=${address}` });
    // An error without a listener would end the process, also one of a client that a transaction has.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    return {
      kind: 'postgres',
      address,
      root: pool,
      database: fromPg(pool),
      query: async (sql) => (await pool.query<Record<string, unknown>>(sql)).rows,
      async begin(isolation) {
        const client = await pool.connect();
        await client.query(isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${isolation}`);
        let isOpen = true;
        const end = async (how: string): Promise<void> => {
          isOpen = false;
          try {
            await client.query(how);
            client.release();
          } catch (error) {
            client.release(true);
            throw error;
          }
        };
        return {
          handle: client,
          run: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
          commit: () => end('COMMIT'),
          rollback: () => end('ROLLBACK'),
          [Symbol.asyncDispose]: () => (isOpen ? end('ROLLBACK').catch(() => {}) : Promise.resolve()),
        };
      },
      [Symbol.asyncDispose]: () => pool.end(),
    };
  },

  mysql(address, url = outboxUrl('mysql')) {
    const pool = mysql.createPool({ uri: url, database: address });
    return {
      kind: 'mysql',
      address,
      root: pool,
      database: fromMysql2(pool),
      query: async (sql) => rowsOf((await pool.query(sql))[0]),
      async begin(isolation) {
        const connection = await pool.getConnection();
        try {
          if (isolation !== undefined) await connection.query(`SET TRANSACTION ISOLATION LEVEL ${isolation}`);
          await connection.beginTransaction();
        } catch (error) {
          connection.destroy();
          throw error;
        }
        let isOpen = true;
        const end = async (how: 'commit' | 'rollback'): Promise<void> => {
          isOpen = false;
          try {
            await connection[how]();
            connection.release();
          } catch (error) {
            connection.destroy();
            throw error;
          }
        };
        return {
          handle: connection,
          run: async (sql) => rowsOf((await connection.query(sql))[0]),
          commit: () => end('commit'),
          rollback: () => end('rollback'),
          [Symbol.asyncDispose]: () => (isOpen ? end('rollback').catch(() => {}) : Promise.resolve()),
        };
      },
      [Symbol.asyncDispose]: () => pool.end(),
    };
  },

  sqlite(address) {
    const sqlite = new Database(address);
    sqlite.exec('PRAGMA journal_mode = WAL');
    const run = (sql: string): Promise<Rows> => {
      const statement = sqlite.prepare(sql);
      if (statement.reader) return Promise.resolve(statement.all() as Rows);
      statement.run();
      return Promise.resolve([]);
    };
    return {
      kind: 'sqlite',
      address,
      root: {},
      database: fromSqlite(sqlite),
      query: run,
      async begin() {
        await run('BEGIN IMMEDIATE');
        return {
          handle: sqlite,
          run,
          commit: async () => void (await run('COMMIT')),
          rollback: async () => void (await run('ROLLBACK')),
          [Symbol.asyncDispose]: async () => {
            if (sqlite.inTransaction) await run('ROLLBACK');
          },
        };
      },
      [Symbol.asyncDispose]: () => Promise.resolve(void sqlite.close()),
    };
  },
};

/** @returns no rows for the answer to a statement that returns none. */
function rowsOf(answer: unknown): Rows {
  return Array.isArray(answer) ? (answer as Rows) : [];
}
