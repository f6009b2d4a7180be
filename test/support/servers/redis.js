import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { namedBy, reason, running } from './found-server.js';
import { keep } from './kept-server.js';

const PROGRAMS = ['redis-server', 'valkey-server'];

/** In this order: REDIS_URL, the usual local port, a server of our own. */
export async function findRedis({ env = process.env, port = 6379, log = console.warn } = {}) {
  if (env.REDIS_URL) return namedBy('REDIS_URL', env.REDIS_URL, ping);

  const address = `127.0.0.1:${port}`;
  try {
    await ping(`redis://${address}`);
    return running(`redis://${address}`, address);
  } catch (error) {
    if (error.code !== 'ECONNREFUSED') log(`Redis on ${address} passed over: ${reason(error)}`);
  }

  const program = redisProgram(env);
  if (program === undefined) {
    throw new Error(
      `No Redis: REDIS_URL is not set, none can be used on ${address}, and neither ${PROGRAMS.join(' nor ')} is on the PATH. Install one (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis), or set REDIS_URL.`,
    );
  }
  return keep('./redis-server.js', { source: program, env, args: [program] });
}

async function ping(url) {
  const client = new Redis(url, {
    lazyConnect: true,
    // The first answer counts: Redis that is not there must not hold up the search.
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
  });
  let refusal;
  client.on('error', (error) => (refusal = error));
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    // connect() itself says no more than "Connection is closed."
    throw refusal ?? error;
  } finally {
    client.disconnect();
  }
}

export function redisProgram({ PATH = '' }) {
  const folders = PATH.split(delimiter).filter((folder) => folder !== '');
  return PROGRAMS.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
