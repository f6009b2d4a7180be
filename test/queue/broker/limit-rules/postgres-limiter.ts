import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';
import { PostgresClock } from '../../../../lib/queue/broker/bullmq/postgres/postgres-clock.js';
import { PostgresLimiter } from '../../../../lib/queue/broker/bullmq/postgres/postgres-limiter.js';
import { TIME } from '../../../../lib/queue/broker/bullmq/postgres/sql.generated.js';
import { TYPES } from '../../../../lib/queue/broker/bullmq/postgres/postgres-types.js';
import { resolveQueueOptions } from '../../../../lib/queue/queue-options.js';
import type { Limiters } from './limiter.js';

/** Time of the server, as statements ask for it. */
const NOW = TIME.slice('SELECT '.length, -' AS now'.length);

/** As much of BullMQ's table as the functions of limits read. */
const JOBS = `
CREATE TABLE job (
  queue text, id text, state text, lock_token text, locked_until_ms bigint, PRIMARY KEY (queue, id)
)`;
const GRANT = `
INSERT INTO job VALUES ($1, $2, 'active', $3, ${Number.MAX_SAFE_INTEGER})
ON CONFLICT (queue, id) DO UPDATE SET lock_token = excluded.lock_token`;

/** Functions in the database get the time as an argument, which is the test's here. */
export async function openPostgres(url: string, lease: number): Promise<Limiters> {
  const prefix = `t_${randomBytes(5).toString('hex')}`;
  const pool = new Pool({ connectionString: url, types: TYPES, options: `-c search_path="${prefix}"` });
  const clock = new PostgresClock(pool);
  const optionsOf = (name: string) => resolveQueueOptions({ url, prefix, name, worker: { lease } });
  await pool.query(`CREATE SCHEMA "${prefix}"`);
  await pool.query(JOBS);
  await new PostgresLimiter(pool, optionsOf('any'), clock).migrate(pool as never);
  let queues = 0;
  return {
    open() {
      const name = `q${(queues += 1)}`;
      let time = 0;
      const timed = {
        query: (text: string, values: unknown[]) => pool.query(text.replaceAll(NOW, String(time)), values),
      };
      return Object.assign(new PostgresLimiter(timed as Pool, optionsOf(name), clock), {
        setTime: (now: number) => (time = now),
        grant: (id: string, token: string) => pool.query(GRANT, [name, id, token]),
      });
    },
    async close() {
      await pool.query(`DROP SCHEMA "${prefix}" CASCADE`);
      await pool.end();
    },
  };
}
