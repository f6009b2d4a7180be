// The databases of the application in outbox.js: each runs a transaction with an order in it, and times that.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { fromMysql2, fromPg, fromSqlite } from '../dist/outbox/index.js';
import { findMysql } from '../test/support/servers/mysql.js';
import { findPostgres } from '../test/support/servers/postgres.js';

const require = createRequire(import.meta.url);
const NAME = `bench_${process.pid.toString(36)}_${randomBytes(3).toString('hex')}`;
const ORDERS = 'CREATE TABLE orders (id INTEGER, customer VARCHAR(40))';
const ORDER = "INSERT INTO orders (id, customer) VALUES (1, 'ada')";

async function postgres() {
  const server = await findPostgres();
  const admin = new Pool({ connectionString: server.url, max: 1 });
  await admin.query(`CREATE SCHEMA ${NAME}`);
  const pool = new Pool({ connectionString: server.url, options: `-c search_path=${NAME}` });
  await pool.query(ORDERS);
  return {
    name: 'PostgreSQL',
    database: fromPg(pool),
    async transact(work) {
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(ORDER);
      await work?.(client);
      await client.query('COMMIT');
      client.release();
    },
    async close() {
      await pool.end();
      await admin.query(`DROP SCHEMA ${NAME} CASCADE`);
      await admin.end();
      await server.stop();
    },
  };
}

async function mysql() {
  const server = await findMysql();
  const { createPool } = require('mysql2/promise');
  const admin = createPool({ uri: server.url, connectionLimit: 1 });
  await admin.query(`CREATE DATABASE ${NAME}`);
  const pool = createPool({ uri: server.url, database: NAME });
  await pool.query(ORDERS);
  return {
    name: 'MariaDB',
    database: fromMysql2(pool),
    async transact(work) {
      const connection = await pool.getConnection();
      await connection.beginTransaction();
      await connection.query(ORDER);
      await work?.(connection);
      await connection.commit();
      connection.release();
    },
    async close() {
      await pool.end();
      await admin.query(`DROP DATABASE ${NAME}`);
      await admin.end();
      await server.stop();
    },
  };
}

async function sqlite() {
  const Database = require('libsql');
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-bench-'));
  const db = new Database(join(folder, 'orders.db'));
  db.exec('PRAGMA journal_mode = WAL');
  db.exec(ORDERS);
  return {
    name: 'SQLite',
    database: fromSqlite(db),
    async transact(work) {
      db.exec('BEGIN IMMEDIATE');
      db.exec(ORDER);
      await work?.(db);
      db.exec('COMMIT');
    },
    async close() {
      db.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export const DATABASES = [postgres, mysql, sqlite];
