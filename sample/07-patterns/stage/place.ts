import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { Pool } from 'pg';

/** Where the queues of the scenes are. */
export interface Place {
  readonly label: string;
  readonly url: string;
  /** What everything there begins with: another in each run of the sample. */
  readonly prefix: string;
  /** Removes all of it. */
  clean(): Promise<void>;
}

/** In memory, unless `REDIS_URL` or `POSTGRES_URL` names another place. */
export function findPlace({ REDIS_URL, POSTGRES_URL } = process.env): Place {
  const prefix = `patterns_${randomBytes(4).toString('hex')}`;
  if (REDIS_URL !== undefined) return onRedis(REDIS_URL, prefix);
  if (POSTGRES_URL !== undefined) return onPostgres(POSTGRES_URL, prefix);
  return { label: 'in memory', url: 'memory://', prefix, clean: async () => {} };
}

function onRedis(url: string, prefix: string): Place {
  return {
    label: `on Redis at ${new URL(url).host}, under ${prefix}`,
    url,
    prefix,
    async clean() {
      const redis = new Redis(url);
      for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
        if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]));
      }
      redis.disconnect();
    },
  };
}

function onPostgres(url: string, prefix: string): Place {
  return {
    label: `on PostgreSQL at ${new URL(url).host}, in schema ${prefix}`,
    url,
    prefix,
    async clean() {
      const pool = new Pool({ connectionString: url, max: 1 });
      await pool.query(`DROP SCHEMA IF EXISTS "${prefix}" CASCADE`);
      await pool.end();
    },
  };
}
