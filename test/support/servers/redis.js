import { Redis } from 'ioredis';
import { installCommand } from '../install-command.js';
import { programOnPath } from '../program-on-path.js';
import { namedBy, reason, running } from './found-server.js';
import { keep } from './kept-server.js';
import { dockerClient } from './redis-container.js';
import { aptGet, installRedis } from './redis-package.js';

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
  const server = (await startProgram(env)) ?? (await startContainer(env, log)) ?? (await startPackage(env, log));
  if (server !== undefined) return server;
  throw new Error(
    `No Redis: REDIS_URL is not set, none can be used on ${address}, neither ${PROGRAMS.join(' nor ')} is on the PATH, and no Docker engine answers. Install one (${installCommand('redis', { PATH: env.PATH })}), or set REDIS_URL.`,
  );
}

async function startProgram(env) {
  const program = redisProgram(env);
  return program && keep('./redis-server.js', { source: program, env, args: [program] });
}

async function startContainer(env, log) {
  const docker = await dockerClient(env);
  if (docker === undefined) return undefined;
  try {
    return await keep('./redis-container.js', { source: 'Docker', env, args: [docker] });
  } catch (error) {
    log(`Redis in Docker passed over: ${reason(error)}`);
    return undefined;
  }
}

async function startPackage(env, log) {
  const apt = aptGet(env);
  if (apt === undefined) return undefined;
  try {
    await installRedis(apt, { env, log });
  } catch (error) {
    log(`Redis from the package passed over: ${reason(error)}`);
  }
  return startProgram(env);
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

/** The redis-server or valkey-server on the PATH. */
export function redisProgram({ PATH }) {
  return programOnPath(PROGRAMS, PATH);
}
