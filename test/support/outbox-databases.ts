import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import mysql from 'mysql2/promise';
import { Client, Pool } from 'pg';
import type { OutboxDatabase } from '../../lib/queue/broker/outbox/outbox-database.js';
import { fromMysql2, fromPg, fromSqlite } from '../../lib/outbox/index.js';

export type OutboxKind = 'sqlite' | 'postgres' | 'mysql';

const chosen = process.env['TASKS_TEST_OUTBOXES']?.split(',') ?? ['sqlite', 'postgres', 'mysql'];

/** All databases that an outbox may lie in, for `describe.each`. */
export const OUTBOXES = chosen as readonly OutboxKind[];

/** Open transaction of an application. */
export interface TestTransaction {
  /** Value of the option `transaction`. */
  readonly handle: object;
  /** Runs a statement of the application, without parameters. */
  run(sql: string): Promise<unknown>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** Database of an application, with a table `orders` of its own. */
export interface TestDatabase extends AsyncDisposable {
  readonly kind: OutboxKind;
  readonly database: OutboxDatabase;
  /** The client or pool itself: no transaction. */
  readonly root: object;
  begin(): Promise<TestTransaction>;
  /** Runs a statement outside of transactions. */
  query(sql: string): Promise<Record<string, unknown>[]>;
}

/** Commits what `work` does, or rolls it back when that throws. */
export async function inTransaction<T>(
  database: TestDatabase,
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

export async function openOutboxDatabase(kind: OutboxKind): Promise<TestDatabase> {
  const name = `nestjs_tasks_test_${Date.now()}_${randomBytes(4).toString('hex')}`;
  const database = await OPEN[kind](name);
  await database.query('CREATE TABLE orders (id VARCHAR(40) PRIMARY KEY)');
  return database;
}

const OPEN: Readonly<Record<OutboxKind, (name: string) => Promise<TestDatabase>>> = {
  async postgres(name) {
    const url = process.env['TASKS_TEST_POSTGRES_URL'] ?? '';
    const admin = new Client(url);
    await admin.connect();
    await admin.query(`CREATE SCHEMA ${name}`);
    const pool = new Pool({ connectionString: url, options: `-c search_path=${name}` });
    pool.on('error', () => {});
    return {
      kind: 'postgres',
      root: pool,
      database: fromPg(pool),
      query: async (sql) => (await pool.query<Record<string, unknown>>(sql)).rows,
      async begin() {
        const client = await pool.connect();
        await client.query('BEGIN');
        const end = async (how: string): Promise<void> => {
          await client.query(how);
          client.release();
        };
        return {
          handle: client,
          run: (sql) => client.query(sql),
          commit: () => end('COMMIT'),
          rollback: () => end('ROLLBACK'),
        };
      },
      async [Symbol.asyncDispose]() {
        await pool.end();
        await admin.query(`DROP SCHEMA ${name} CASCADE`);
        await admin.end();
      },
    };
  },

  async mysql(name) {
    const url = process.env['TASKS_TEST_MYSQL_URL'];
    if (url === undefined)
      throw new Error(process.env['TASKS_TEST_MYSQL_PROBLEM'] ?? 'TASKS_TEST_MYSQL_URL is not set.');
    const admin = await mysql.createConnection(url);
    await admin.query(`CREATE DATABASE ${name}`);
    const pool = mysql.createPool({ uri: url, database: name });
    return {
      kind: 'mysql',
      root: pool,
      database: fromMysql2(pool),
      query: async (sql) => (await pool.query(sql))[0] as Record<string, unknown>[],
      async begin() {
        const connection = await pool.getConnection();
        await connection.beginTransaction();
        const end = async (how: 'commit' | 'rollback'): Promise<void> => {
          await connection[how]();
          connection.release();
        };
        return {
          handle: connection,
          run: (sql) => connection.query(sql),
          commit: () => end('commit'),
          rollback: () => end('rollback'),
        };
      },
      async [Symbol.asyncDispose]() {
        await pool.end();
        await admin.query(`DROP DATABASE ${name}`);
        await admin.end();
      },
    };
  },

  sqlite() {
    const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-outbox-'));
    const sqlite = new Database(join(folder, 'app.db'));
    sqlite.exec('PRAGMA journal_mode = WAL');
    const run = (sql: string): Promise<Record<string, unknown>[]> => {
      const statement = sqlite.prepare(sql);
      if (statement.reader) return Promise.resolve(statement.all() as Record<string, unknown>[]);
      statement.run();
      return Promise.resolve([]);
    };
    return Promise.resolve({
      kind: 'sqlite' as const,
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
        };
      },
      [Symbol.asyncDispose]() {
        sqlite.close();
        rmSync(folder, { recursive: true });
        return Promise.resolve();
      },
    });
  },
};
