import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { TasksConfigError } from 'nestjs-tasks';
import { Client } from 'pg';
import { SHARED_BROKERS } from '../../../support/brokers.js';
import { until } from '../../../support/until.js';
import { randomPort } from '../../faults/proxy.js';
import { REDIS_PROGRAM, RedisServer } from '../../faults/redis-server.js';
import { connect, failureOf, open, runOne } from '../connected.js';

jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-servers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasRedis = REDIS_PROGRAM !== undefined && SHARED_BROKERS.some(({ label }) => label === 'redis');
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const postgres = SHARED_BROKERS.find(({ label }) => label === 'postgres');
/** Debian's lies where users have no path to. */
const PGBOUNCER = ['pgbouncer', '/usr/sbin/pgbouncer'].find((path) => spawnSync(path, ['--version']).status === 0);

(hasRedis ? describe : describe.skip)('Redis Cluster', () => {
  const servers = [1, 2, 3].map(() => new RedisServer(randomPort(), ['--cluster-enabled', 'yes']));
  const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }));

  beforeAll(async () => {
    await Promise.all(servers.map((server) => server.start()));
    const clients = servers.map(({ url }) => new Redis(url));
    const [first] = clients;
    for (const [at, client] of clients.entries()) {
      const slots = Array.from({ length: 16_384 }, (_, slot) => slot).filter((slot) => Math.floor(slot / 5_462) === at);
      await client.call('CLUSTER', 'ADDSLOTS', ...slots.map(String));
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(at + 1));
    }
    for (const { host, port } of nodes.slice(1)) await first?.call('CLUSTER', 'MEET', host, String(port));
    await until(
      async () =>
        (await Promise.all(clients.map((client) => client.cluster('INFO')))).every((info) =>
          info.includes('cluster_state:ok'),
        ),
      'the cluster',
      30_000,
    );
    for (const client of clients) client.disconnect();
  });
  afterAll(() => Promise.all(servers.map((server) => server[Symbol.asyncDispose]())));

  const cluster = (): Cluster => {
    const client = new Cluster(nodes, { keyPrefix: 'cache:', enableOfflineQueue: false });
    client.on('error', () => {});
    open.push({ close: () => client.disconnect() });
    return client;
  };

  it('keeps a queue whose prefix is in braces', async () => {
    expect(await runOne(connect({ connection: cluster(), prefix: '{shop}', name: 'a' }))).toBe('[2]');
  });

  it('needs braces, and says so at boot', async () => {
    const error = await failureOf({ connection: cluster(), prefix: 'shop', name: 'a' });
    expect(error).toBeInstanceOf(TasksConfigError);
    expect(error).toMatchObject({ option: 'queue.prefix', message: expect.stringContaining('in braces') });
  });

  it('needs its own client where the url is not that of the right node, and says so at boot', async () => {
    const errors = await Promise.all(servers.map(({ url }) => failureOf({ url, prefix: '{shop}', name: 'b' })));
    const refused = errors.filter((error) => error !== undefined);
    expect(refused).toHaveLength(2);
    for (const error of refused) {
      expect(error).toBeInstanceOf(TasksConfigError);
      expect(error).toMatchObject({ option: 'queue.url', message: expect.stringContaining('Cluster') });
    }
  });
});

(hasRedis ? describe : describe.skip)('Redis Sentinel', () => {
  it('goes on at the new primary after a failover, and loses nothing that was acknowledged', async () => {
    await using primary = await new RedisServer().start();
    await using replica = await new RedisServer(randomPort(), ['--replicaof', `127.0.0.1 ${primary.port}`]).start();
    const ports = [randomPort(), randomPort(), randomPort()];
    const sentinels = ports.map((port) => {
      const file = join(folder, `sentinel-${port}.conf`);
      writeFileSync(
        file,
        `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor main 127.0.0.1 ${primary.port} 2\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n`,
      );
      return spawn(REDIS_PROGRAM ?? '', [file, '--sentinel'], { stdio: 'ignore' });
    });
    try {
      const asked = new Redis({ port: ports[0] ?? 0 });
      asked.on('error', () => {});
      open.push({ close: () => asked.disconnect() });
      const isKnown = async (): Promise<boolean> => {
        const text = JSON.stringify(await asked.call('SENTINEL', 'MASTER', 'main').catch(() => []));
        return text.includes('"num-slaves","1"') && text.includes('"num-other-sentinels","2"');
      };
      await until(isKnown, 'the sentinels to know each other', 20_000);
      const connection = { name: 'main', sentinels: ports.map((port) => ({ host: '127.0.0.1', port })) };
      const broker = connect({ connection, prefix: 'sentinel', name: 'a' });
      const add = (key: string) =>
        broker.executions.add([{ key, name: 't', args: '[1]', priority: 0, when: undefined }]).catch(() => undefined);
      await add('before');
      const replicated = new Redis(replica.url);
      open.push({ close: () => replicated.disconnect() });
      await until(
        async () => (await replicated.keys('sentinel:*:before*')).length > 0 || (await replicated.dbsize()) > 3,
        'the replica',
      );
      await primary.stop('SIGKILL');
      await until(() => add('after'), 'an add after the failover', 30_000);
      expect((await broker.executions.get('before'))?.key).toBe('before');
      expect((await broker.executions.get('after'))?.key).toBe('after');
    } finally {
      for (const sentinel of sentinels) sentinel.kill('SIGKILL');
    }
  });
});

(hasRedis && hasOpenssl ? describe : describe.skip)('Redis with TLS and on a unix socket', () => {
  const socket = join(folder, 'redis.sock');
  const tlsPort = randomPort();
  const file = (name: string): string => join(folder, name);
  const server = new RedisServer(randomPort(), [
    '--unixsocket',
    socket,
    '--tls-port',
    `${tlsPort}`,
    '--tls-auth-clients',
    'no',
    '--tls-cert-file',
    file('cert.pem'),
    '--tls-key-file',
    file('key.pem'),
    '--tls-ca-cert-file',
    file('cert.pem'),
  ]);

  beforeAll(async () => {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject];
    spawnSync('openssl', [...made, '-keyout', file('key.pem'), '-out', file('cert.pem')]);
    await server.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('is reached by rediss:// with the certificate of its authority', async () => {
    const tls = { ca: readFileSync(file('cert.pem'), 'utf8') };
    const url = `rediss://localhost:${tlsPort}`;
    expect(await runOne(connect({ connection: { url, tls }, prefix: 'tls', name: 'a' }))).toBe('[2]');
  });

  it('says at boot that a certificate is not trusted', async () => {
    const error = await failureOf({ url: `rediss://localhost:${tlsPort}`, prefix: 'tls', name: 'a' });
    expect(error).toBeInstanceOf(TasksConfigError);
    expect(error).toMatchObject({ option: 'queue.url', message: expect.stringContaining('TLS') });
  });

  it('is reached by its socket', async () => {
    expect(await runOne(connect({ connection: { path: socket }, prefix: 'unix', name: 'a' }))).toBe('[2]');
  });
});

(PGBOUNCER !== undefined && postgres !== undefined ? describe : describe.skip)('PgBouncer', () => {
  it.each([
    ['session', ''],
    ['session', 'options'],
    ['transaction', ''],
    ['transaction', 'options'],
  ])('in %s mode, ignoring %p, is told from PostgreSQL at boot, with nothing set up', async (mode, ignored) => {
    const target = new URL(postgres?.url ?? '');
    const port = randomPort();
    const name = target.pathname.slice(1);
    const login = `user=${target.username || 'postgres'}${target.password && ` password=${target.password}`}`;
    const config = join(folder, `${mode}${ignored}.ini`);
    writeFileSync(
      config,
      `[databases]\n${name} = host=${target.hostname} port=${target.port || 5432} dbname=${name} ${login}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = any\npool_mode = ${mode}\nignore_startup_parameters = extra_float_digits${ignored && `, ${ignored}`}\n`,
    );
    // It refuses to run as root.
    chmodSync(folder, 0o755);
    const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const bouncer = spawn(PGBOUNCER ?? '', [...asNobody, config], { stdio: 'ignore' });
    const exited = once(bouncer, 'exit');
    try {
      const url = `postgres://any@127.0.0.1:${port}/${name}`;
      const isUp = async (): Promise<boolean> => {
        const client = new Client(url);
        client.on('error', () => {});
        const isConnected = await client.connect().then(
          () => true,
          () => false,
        );
        await client.end().catch(() => {});
        return isConnected;
      };
      await until(isUp, 'PgBouncer', 20_000);
      const prefix = `pooled_${port}`;
      const error = await failureOf({ url, prefix });
      expect(error).toBeInstanceOf(TasksConfigError);
      expect(error).toMatchObject({ option: 'queue.url', message: expect.stringContaining('PostgreSQL itself') });
      const admin = new Client(postgres?.url ?? '');
      await admin.connect();
      const { rowCount } = await admin.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [prefix]);
      await admin.end();
      expect(rowCount).toBe(0);
    } finally {
      bouncer.kill('SIGTERM');
      await Promise.race([exited, sleep(2_000)]);
    }
  });
});
