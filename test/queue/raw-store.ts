import { createHash } from 'node:crypto';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { QUIET } from '../../lib/queue/broker/broker.js';
import type { BrokerKind } from '../support/brokers.js';
import type { Chance } from './faults/chance.js';

/** What a colleague with redis-cli or psql sees of a queue, and does to it. */
export interface RawStore extends AsyncDisposable {
  /** The id of the job that has the key. */
  idOf(key: string): Promise<string>;
  /** @param field by BullMQ's name for it on Redis. */
  set(id: string, field: string, value: string): Promise<void>;
  /** An addition that arrives again, when its execution may have ended. */
  addAgain(id: string, key: string): Promise<void>;
  /** Damages one field at random. */
  mutate(id: string, chance: Chance): Promise<void>;
  remove(id: string): Promise<void>;
  /** BullMQ's. */
  stateOf(id: string): Promise<string>;
  setEntry(map: string, field: string, value: string): Promise<void>;
  publish(message: string): Promise<void>;
  /** Removes the queue with all that lies in it. */
  destroy(): Promise<void>;
}

export function openRawStore({ label, url }: BrokerKind, prefix: string, name: string): Promise<RawStore> {
  return label === 'redis' ? openRedis(url, prefix, name) : openPostgres(url, prefix, name);
}

const FIELDS = [
  'data',
  'failedReason',
  'progress',
  'opts',
  'timestamp',
  'name',
  'atm',
  'ats',
  'stc',
  'priority',
  'delay',
];

class DisposableQueue extends Queue {
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function openRedis(url: string, prefix: string, name: string): Promise<RawStore> {
  const redis = new Redis(url);
  const jobs = `${prefix}:${name}:`;
  const ours = `${prefix}:${name}/`;
  const entries = new Set<string>();
  return {
    idOf: async (key) => (await redis.get(`${jobs}de:${key}`)) ?? '',
    set: async (id, field, value) => void (await redis.hset(jobs + id, field, value)),
    async addAgain(id, key) {
      await using queue = new DisposableQueue(name, { connection: { url }, prefix });
      await queue.add('task', [], { jobId: id, deduplication: { id: key } });
    },
    async mutate(id, chance) {
      const field = pick(chance, FIELDS);
      await redis.hset(jobs + id, field, mutateText((await redis.hget(jobs + id, field)) ?? '', chance));
    },
    remove: async (id) => void (await redis.del(jobs + id)),
    async stateOf(id) {
      return (await redis.zscore(`${jobs}failed`, id)) === null ? 'other' : 'failed';
    },
    async setEntry(map, field, value) {
      entries.add(`${ours}map:${map}`);
      await redis.hset(`${ours}map:${map}`, field, value);
      if (!map.startsWith(QUIET)) await redis.hset(`${ours}maps`, map, `raw ${field}`);
    },
    publish: async (message) => void (await redis.publish(`${ours}signals`, message)),
    async destroy() {
      const keys = [...(await redis.keys(`${jobs}*`)), ...(await redis.keys(`${ours}*`))];
      if (keys.length > 0) await redis.del(...keys);
    },
    async [Symbol.asyncDispose]() {
      if (entries.size > 0) await redis.del(...entries);
      await redis.quit();
    },
  };
}

const COLUMNS = ['data', 'failed_reason', 'progress', 'opts', 'name', 'priority', 'attempts_made', 'stalled_count'];
const NUMBERS = new Set(['priority', 'attempts_made', 'stalled_count']);
const TEXTS = new Set(['failed_reason', 'name']);

async function openPostgres(url: string, prefix: string, name: string): Promise<RawStore> {
  const client = new Client(url);
  await client.connect();
  await client.query(`SET search_path = "${prefix}"`);
  let hasWritten = false;
  const put = async (kind: string, key: string, value: string): Promise<void> => {
    hasWritten = true;
    await client.query(
      `INSERT INTO nestjs_tasks_note (queue, kind, key, value) VALUES ($1, $2, $3, $4)
       ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value`,
      [name, kind, key, value],
    );
  };
  const one = async (query: string, values: unknown[]): Promise<string> => {
    const { rows } = await client.query<{ value: string }>(query, values);
    return rows[0]?.value ?? '';
  };
  const write = async (id: string, column: string, sql: string, value: string): Promise<void> => {
    await client.query(`UPDATE job SET ${column} = ${sql} WHERE queue = $1 AND id = $2`, [name, id, value]);
  };
  return {
    idOf: (key) => one('SELECT job_id AS value FROM dedup WHERE queue = $1 AND dedup_id = $2', [name, key]),
    set(id, field, value) {
      if (field === 'failedReason') return write(id, 'failed_reason', '$3', value);
      // As the library writes them: texts that need not be JSON.
      return write(id, field, field === 'data' ? 'to_jsonb($3::text)' : '$3::jsonb', value);
    },
    async addAgain(id, key) {
      const opts = JSON.stringify({ deduplication: { id: key } });
      await client.query(`SELECT add_job($1, $2, 'task', '[]', $3, 0, 0, 0, 1, NULL, NULL, NULL, $4, NULL, false)`, [
        name,
        id,
        opts,
        key,
      ]);
    },
    async mutate(id, chance) {
      const column = pick(chance, COLUMNS);
      if (NUMBERS.has(column)) return write(id, column, '$3::integer', pick(chance, ['-1', '0', '7', '2000000000']));
      const before = await one(`SELECT ${column}::text AS value FROM job WHERE queue = $1 AND id = $2`, [name, id]);
      const after = mutateText(before, chance).replaceAll(/\0|[\ud800-\udfff]/g, '?');
      if (TEXTS.has(column)) return write(id, column, '$3', after);
      const isJson = pick(chance, [true, false]);
      if (!isJson) return write(id, column, 'to_jsonb($3::text)', after);
      return write(id, column, '$3::jsonb', pick(chance, ['null', '5', '[]', '{}', '{"$args":7}', '"[1"', 'true']));
    },
    remove: async (id) => void (await client.query('DELETE FROM job WHERE queue = $1 AND id = $2', [name, id])),
    stateOf: (id) => one('SELECT state AS value FROM job WHERE queue = $1 AND id = $2', [name, id]),
    async setEntry(map, field, value) {
      await put(`map:${map}`, field, value);
      if (!map.startsWith(QUIET)) await put('map', map, `raw ${field}`);
    },
    async publish(message) {
      const secret = await one(`SELECT value FROM nestjs_tasks_note WHERE queue = '' AND kind = 'channel'`, []);
      const hash = createHash('sha256').update(`${secret}:${name}`).digest('hex');
      await client.query('SELECT pg_notify($1, $2)', [`nestjs_tasks_${hash.slice(0, 32)}`, withoutNul(message)]);
    },
    async destroy() {
      for (const table of ['job', 'dedup', 'nestjs_tasks_note'])
        await client.query(`DELETE FROM ${table} WHERE queue = $1`, [name]);
    },
    async [Symbol.asyncDispose]() {
      const written = `queue = $1 AND kind LIKE 'map:%'`;
      if (hasWritten) await client.query(`DELETE FROM nestjs_tasks_note WHERE ${written}`, [name]);
      await client.end();
    },
  };
}

export function pick<T>(chance: Chance, list: readonly T[]): T {
  return list[chance.below(list.length)] as T;
}

/** A text that is cut, changed in one place, doubled, or another altogether. */
export function mutateText(text: string, chance: Chance): string {
  const at = chance.below(text.length + 1);
  const other = pick(chance, ['"', '}', '{', '\0', 'null', '-1', '1e999', '\\', '\ud800', '[', '']);
  return pick(chance, [text.slice(0, at), text.slice(0, at) + other + text.slice(at + 1), text + text, other]);
}

function withoutNul(text: string): string {
  return text.replaceAll(/\0|[\ud800-\udfff]/g, '?');
}
