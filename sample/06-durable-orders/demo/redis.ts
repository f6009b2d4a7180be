import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { NoDatabaseError, type Database } from './database.js';

const LOCAL = 'redis://127.0.0.1:6379';
const SERVERS = ['redis-server', 'valkey-server'];
const HINT = 'docker run --rm -p 6379:6379 redis';

/**
 * The one that `REDIS_URL` names; else the one on this machine; else one that is started for as long as it is needed.
 *
 * @throws {NoDatabaseError} when there is none.
 */
export async function findRedis(url = process.env.REDIS_URL): Promise<Database> {
  if (url !== undefined) {
    const given = await connect(url);
    if (given !== undefined) return given;
    throw new NoDatabaseError(`The Redis of REDIS_URL does not answer. Start one: ${HINT}`);
  }
  const found = (await connect(LOCAL)) ?? (await startOneOf(SERVERS));
  if (found !== undefined) return found;
  throw new NoDatabaseError(`No Redis on port 6379, and no redis-server on the PATH. Start one: ${HINT}`);
}

async function connect(url: string): Promise<Database | undefined> {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: 2_000, retryStrategy: () => null });
  redis.on('error', () => {}); // connect() rejects with it
  try {
    await redis.connect();
    await redis.ping();
  } catch {
    redis.disconnect();
    return undefined;
  }
  return {
    label: `Redis at ${redis.options.host}:${redis.options.port}`,
    url,
    async remove(prefix) {
      for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
        if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]));
      }
    },
    async close() {
      redis.disconnect();
    },
  };
}

async function startOneOf(commands: readonly string[]): Promise<Database | undefined> {
  for (const command of commands) {
    const folder = await mkdtemp(join(tmpdir(), 'durable-orders-redis-'));
    const port = await freePort();
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes'];
    // A process group of its own: Ctrl-C must not end it before its clients.
    const server = spawn(command, options, { stdio: 'ignore', detached: true });
    const database = await untilItAnswers(server, `redis://127.0.0.1:${port}`);
    if (database !== undefined) {
      return {
        ...database,
        label: `${database.label}, started for the occasion`,
        async close() {
          await database.close();
          server.kill();
          await once(server, 'exit');
          await rm(folder, { recursive: true });
        },
      };
    }
    await rm(folder, { recursive: true });
  }
  return undefined;
}

async function untilItAnswers(server: ChildProcess, url: string): Promise<Database | undefined> {
  let isGone = false;
  server.once('error', () => (isGone = true)); // not installed
  server.once('exit', () => (isGone = true));
  for (;;) {
    await setTimeout(50);
    if (isGone) return undefined;
    const database = await connect(url);
    if (database !== undefined) return database;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
