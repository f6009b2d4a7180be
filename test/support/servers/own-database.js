import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { reason } from './found-server.js';

const PREFIX = 'nestjs_tasks_test_';
/** Of the lock that keeps a run from taking the database that another has just created for a forgotten one. */
const LOCK = 0x7a5c6;

/**
 * A database on that server for one run of the tests, of which no commit waits for the disk. BullMQ's commits do so one
 * after the other, since they all NOTIFY: on a slow disk two test files would hold each other up for seconds. Where none may
 * be created, the tests share the one that was found.
 */
export async function createOwnDatabase(server) {
  const name = `${PREFIX}${randomUUID().replaceAll('-', '')}`;
  const url = new URL(server.url);
  url.pathname = name;
  const owner = new Client({ connectionString: url.href });
  owner.on('error', () => {});

  const isCreated = await administer(server.url, async (admin) => {
    await admin.query('SELECT pg_advisory_lock($1)', [LOCK]);
    try {
      await dropForgotten(admin);
      await admin.query(`CREATE DATABASE ${name}`);
    } catch (error) {
      console.warn(`PostgreSQL has no database of its own for the tests: ${reason(error)}`);
      return false;
    }
    await admin.query(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    await owner.connect(); // as long as it is, the database is not forgotten
    return true;
  });
  if (!isCreated) return server;

  return {
    ...server,
    url: url.href,
    async stop() {
      await owner.end();
      await administer(server.url, (admin) => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
      await server.stop();
    },
  };
}

async function administer(url, act) {
  const admin = new Client({ connectionString: url });
  await admin.connect();
  try {
    return await act(admin);
  } finally {
    await admin.end();
  }
}

/** Those of runs that were killed. */
async function dropForgotten(admin) {
  const { rows } = await admin.query(
    `SELECT datname AS name FROM pg_database
     WHERE starts_with(datname, $1) AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = pg_database.datname)`,
    [PREFIX],
  );
  // One of another user stays.
  for (const { name } of rows) await admin.query(`DROP DATABASE IF EXISTS ${name}`).catch(() => {});
}
