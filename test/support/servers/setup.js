// Jest's globalSetup of the tests that need servers. The workers inherit the variables.
import { createOwnDatabase } from './own-database.js';
import { findMysql } from './mysql.js';
import { findPostgres } from './postgres.js';
import { findRedis } from './redis.js';

/** For teardown.js, which runs in the same process. */
export const servers = [];

export default async function setup() {
  const searches = await Promise.allSettled([findRedis(), findPostgres().then(createOwnDatabase)]);
  const refusals = searches.filter(({ status }) => status === 'rejected');
  for (const { reason } of refusals) console.error(reason.message);
  // Thrown, it would be a page of Jest's stack. What one search has started ends with this process.
  if (refusals.length > 0) process.exit(1);

  servers.push(...searches.map(({ value }) => value));
  const [redis, postgres] = servers;
  process.env.TASKS_TEST_REDIS_URL = redis.url;
  process.env.TASKS_TEST_POSTGRES_URL = postgres.url;
  const mysql = await openMysql();
  console.error(`Redis: ${redis.source}. PostgreSQL: ${postgres.source}. MySQL: ${mysql}.`);
}

/** Only the tests of the outbox need it, and fail without it. */
async function openMysql() {
  try {
    const mysql = await findMysql();
    servers.push(mysql);
    process.env.TASKS_TEST_MYSQL_URL = mysql.url;
    return mysql.source;
  } catch (error) {
    process.env.TASKS_TEST_MYSQL_PROBLEM = error.message;
    return 'none';
  }
}
