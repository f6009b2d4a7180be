// The databases of the durable benches, and how to leave nothing behind on them.
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { freePort } from '../test/support/servers/free-port.js';
import { findPostgres } from '../test/support/servers/postgres.js';
import { findRedis } from '../test/support/servers/redis.js';

/** As long as that of the defaults together with a queue's name, since every key on Redis carries it. */
const PREFIX = `bench_${process.pid.toString(36).padStart(5, '0')}`;

/** A server of our own where there is a program to start, since one that others use has settings of theirs. */
export async function openRedis() {
  const server = await findRedis({ port: await freePort() }).catch(() => findRedis());
  const client = new Redis(server.url);
  const keysOf = async (pattern) => {
    const keys = [];
    for await (const page of client.scanStream({ match: pattern, count: 1_000 })) keys.push(...page);
    return [...new Set(keys)];
  };
  const [, version] = /redis_version:(\S+)/.exec(await client.info('server'));
  return {
    name: 'Redis',
    version,
    site: (name) => ({ url: server.url, prefix: PREFIX, name }),
    /** How many scripts the server has run so far. */
    async scripts() {
      const statistics = await client.info('commandstats');
      const counts = statistics.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm);
      return [...counts].reduce((sum, [, calls]) => sum + Number(calls), 0);
    },
    /** The bytes of all keys of a queue. */
    async weigh(name) {
      const pipeline = client.pipeline();
      for (const key of await keysOf(`${PREFIX}:${name}[:/]*`)) pipeline.memory('USAGE', key, 'SAMPLES', 0);
      return (await pipeline.exec()).reduce((sum, [, bytes]) => sum + bytes, 0);
    },
    /** Milliseconds of the longest command while something is done, or 0 where none took one. */
    async longestCommand(act) {
      await client.config('SET', 'slowlog-log-slower-than', 1_000, 'slowlog-max-len', 10_000);
      await client.slowlog('RESET');
      await act();
      const entries = await client.slowlog('GET', -1);
      return Math.max(0, ...entries.map(([, , microseconds]) => microseconds / 1_000));
    },
    async close() {
      const keys = await keysOf(`${PREFIX}:*`);
      while (keys.length > 0) await client.unlink(keys.splice(-1_000));
      client.disconnect();
      await server.stop();
    },
  };
}

export async function openPostgres() {
  const server = await findPostgres();
  const client = new Client(server.url);
  await client.connect();
  const { rows } = await client.query('SHOW server_version');
  return {
    name: 'PostgreSQL',
    version: rows[0].server_version.split(' ')[0],
    site: (name) => ({ url: server.url, prefix: PREFIX, name }),
    async close() {
      await client.query(`DROP SCHEMA IF EXISTS ${PREFIX} CASCADE`);
      await client.end();
      await server.stop();
    },
  };
}
