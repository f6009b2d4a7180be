import { Redis } from 'ioredis';
import { Client } from 'pg';

/** Something that would stay for ever. */
export interface Leftover {
  readonly queue: string;
  readonly what: string;
}

/** What a broker keeps of a part of it that is used no more. */
interface Leftovers {
  find(url: string, prefix: string): Promise<Leftover[]>;
  remove(url: string, prefix: string): Promise<void>;
}

export const LEFTOVERS: Readonly<Record<'redis' | 'postgres', Leftovers>> = {
  redis: {
    find: (url, prefix) => withRedis(url, (redis) => findKeys(redis, prefix)),
    remove: (url, prefix) =>
      withRedis(url, async (redis) => {
        const keys = await keysOf(redis, prefix);
        while (keys.length > 0) await redis.unlink(...keys.splice(-BATCH));
      }),
  },
  postgres: {
    find: (url, prefix) => withPostgres(url, (client) => findRows(client, prefix)),
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

async function withPostgres<T>(url: string, act: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(url);
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

/**
 * What a queue may keep for ever on Redis, however much has gone through it. BullMQ's: the version and options of the
 * queue, its counters, its stream of events (trimmed to 10,000), the bell of its workers, and the ids of the jobs that
 * have ended (taken away by `clean()`). Ours: who works, and the versions of maps.
 */
const PERMANENT_KEYS = new Set([
  ':meta',
  ':id',
  ':pc',
  ':events',
  ':marker',
  ':completed',
  ':failed',
  '/map:quiet:workers',
  '/maps',
]);
const STRIKES = '/map:strikes';

/** A strike that ends by itself is taken away by whoever reads it next. */
function isExpiring(strike: string): boolean {
  return strike.includes('"expiresAt":');
}

/** So many keys are looked at, or removed, at once. */
const BATCH = 1_000;

/** What Redis says of a key that is there and has no time to live. */
const FOR_EVER = -1;

async function findKeys(redis: Redis, prefix: string): Promise<Leftover[]> {
  const found: Leftover[] = [];
  const keys = await keysOf(redis, prefix);
  const ended = new Map<string, Promise<Set<string>>>();
  while (keys.length > 0) {
    const looks = keys.splice(-BATCH).map((key) => lookAtKey(redis, prefix, key, ended));
    for (const leftover of await Promise.all(looks)) if (leftover !== undefined) found.push(leftover);
  }
  return found;
}

/** Ids of the jobs of a queue that have ended: read once, since a backlog has tens of thousands. */
async function endedJobs(redis: Redis, prefix: string, queue: string): Promise<Set<string>> {
  const sets = ['completed', 'failed'].map((set) => redis.zrange(`${prefix}:${queue}:${set}`, 0, -1));
  return new Set((await Promise.all(sets)).flat());
}

/** Sets of ours that `clean()` empties with the jobs: groups of failures, and jobs that are kept for a time of their own. */
async function isOfEndedJobs(redis: Redis, key: string, rest: string, ended: Set<string>): Promise<boolean> {
  if (rest === '/failures') {
    const groups = await redis.zrange(key, 0, -1);
    const sizes = await Promise.all(groups.map((group) => redis.zcard(key.replace(/s$/, `:${group}`))));
    return sizes.every((size) => size > 0);
  }
  if (rest.startsWith('/ended:')) return (await redis.hvals(key)).every((id) => ended.has(id));
  if (rest !== '/kept' && !rest.startsWith('/failure:')) return false;
  return (await redis.zrange(key, 0, -1)).every((id) => ended.has(id));
}

async function lookAtKey(
  redis: Redis,
  prefix: string,
  key: string,
  ended: Map<string, Promise<Set<string>>>,
): Promise<Leftover | undefined> {
  // `prefix:queue:…` is BullMQ's, `prefix:queue/…` ours.
  const [, queue = '', rest = ''] = /^[^:]*:([^:/]*)(.*)$/s.exec(key) ?? [];
  if (PERMANENT_KEYS.has(rest) || (await redis.pttl(key)) !== FOR_EVER) return undefined;
  if (rest === STRIKES && (await redis.hvals(key)).every(isExpiring)) return undefined;
  const jobs = ended.get(queue) ?? endedJobs(redis, prefix, queue);
  ended.set(queue, jobs);
  if ((await jobs).has(rest.slice(1))) return undefined;
  if (await isOfEndedJobs(redis, key, rest, await jobs)) return undefined;
  return { queue, what: `${key} (${await redis.type(key)})` };
}

/** Of BullMQ's tables: what may have rows when all jobs have ended. Events are trimmed to 10,000 for each queue. */
const PERMANENT_TABLES = new Set(['migration', 'meta', 'event', 'metrics']);

/** Ended jobs are taken away by `clean()`; a backlog has tens of thousands of them. */
const LIVE_JOBS = "WHERE state NOT IN ('completed', 'failed')";

async function findRows(client: Client, prefix: string): Promise<Leftover[]> {
  const tables = await client.query<{ name: string }>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1',
    [prefix],
  );
  const found: Leftover[] = [];
  for (const { name } of tables.rows) {
    if (PERMANENT_TABLES.has(name)) continue;
    const where = name === 'job' ? LIVE_JOBS : '';
    const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM "${prefix}"."${name}" ${where}`);
    const isLeak = name.startsWith('nestjs_tasks_') ? isLeakOfOurs : (): boolean => true;
    for (const row of rows.filter(isLeak)) {
      found.push({ queue: String(row['queue']), what: `${name} ${JSON.stringify(row).slice(0, 200)}` });
    }
  }
  return found;
}

/** Everything of ours is forgotten in time, but for the versions of maps, who works (asking for them forgets the dead), and the channel. */
function isLeakOfOurs({ kind, value, expires_at: expiresAt }: Record<string, unknown>): boolean {
  const isForgotten =
    kind === 'channel' ||
    kind === 'map:quiet:workers' ||
    kind === 'map' ||
    (kind === 'map:strikes' && isExpiring(String(value)));
  return !isForgotten && (expiresAt === null || expiresAt === undefined);
}
