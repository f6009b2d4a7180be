// Jest's globalSetup of the tests that need servers. The workers inherit the variables.
import { createOwnDatabase } from './own-database.js';
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
  console.error(`Redis: ${redis.source}. PostgreSQL: ${postgres.source}.`);
}
