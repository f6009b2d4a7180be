// A Redis or PostgreSQL of the run's own, which keeps what it has acknowledged and can be killed, paused and started again.
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { installCommand } from '../support/install-command.js';
import { createCluster } from '../support/servers/embedded-postgres.js';
import { aptGet, installRedis } from '../support/servers/redis-package.js';
import { redisProgram } from '../support/servers/redis.js';
import { startServer } from '../support/servers/server-process.js';

/** In milliseconds: of the run's own look at the server, which goes past all proxies. */
const PATIENCE = 2_000;

/** Not handed out by any system by itself, so that no client takes the port of a server that is down. */
const PORTS = { first: 20_000, count: 10_000 };

/** Starts the server of this broker, with its data in this folder. */
export async function openServer(broker, folder, onLine) {
  await mkdir(folder);
  const server = broker === 'redis' ? await prepareRedis(folder) : await preparePostgres(folder);
  server.onLine = onLine;
  await server.restart();
  return server;
}

class Server {
  host = '127.0.0.1';

  async start() {
    const { program, args, options } = this.command;
    // One that is there, but has not answered in time, is asked again.
    this.process ??= await startServer(program, args, { ...options, onLine: this.onLine });
    await this.connect();
  }

  /** By kill -9 of all its processes. */
  async crash() {
    // Those that are not known notice the death of their parent.
    const others = await this.otherProcesses().catch(() => []);
    this.disconnect();
    const ended = this.process.stop('SIGKILL');
    signalAll(others, 'SIGKILL');
    await ended;
    this.process = undefined;
  }

  /** Starts it, again and again where that fails. */
  async restart() {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.start();
      } catch (error) {
        this.disconnect();
        // PostgreSQL waits for the last of its processes from before.
        if (attempt === 10) throw error;
        await sleep(300);
      }
    }
  }

  async pause() {
    // First, so that no process is added to those that are known.
    process.kill(this.process.pid, 'SIGSTOP');
    this.stopped = await this.otherProcesses().catch((error) => {
      process.kill(this.process.pid, 'SIGCONT');
      throw error;
    });
    signalAll(this.stopped, 'SIGSTOP');
  }

  resume() {
    signalAll([...this.stopped, this.process.pid], 'SIGCONT');
  }

  async stop() {
    this.disconnect();
    await this.process?.stop('SIGKILL');
  }

  otherProcesses() {
    return Promise.resolve([]);
  }
}

async function prepareRedis(folder) {
  const { env } = process;
  const find = () => redisProgram(env);
  const apt = find() === undefined ? aptGet(env) : undefined;
  if (apt !== undefined) await installRedis(apt, { env, log: console.warn });
  const program = find();
  if (program === undefined) {
    throw new Error(
      `No redis-server or valkey-server is on the PATH. Install one: ${installCommand('redis', { PATH: env.PATH })}`,
    );
  }
  return new RedisServer(program, folder, randomPort());
}

class RedisServer extends Server {
  constructor(program, folder, port) {
    super();
    this.port = port;
    const persistence = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    this.command = {
      program,
      args: ['--port', `${port}`, '--bind', this.host, '--dir', folder, ...persistence],
      options: { readyLine: 'Ready to accept connections', stopSignal: 'SIGKILL' },
    };
  }

  urlFor(port) {
    return `redis://127.0.0.1:${port}`;
  }

  connect() {
    this.client = new Redis(this.urlFor(this.port), { retryStrategy: () => null, commandTimeout: PATIENCE });
    this.client.on('error', () => {}); // the next look fails
    return this.client.ping();
  }

  disconnect() {
    this.client?.disconnect();
  }

  look() {
    return this.client.ping();
  }

  /** No session waits for another. */
  waits() {
    return Promise.resolve([]);
  }

  async contents() {
    const items = [];
    for await (const keys of this.client.scanStream({ count: 1_000 })) {
      for (const key of keys) items.push({ name: key, expires: (await this.client.pttl(key)) >= 0 });
    }
    return items;
  }
}

async function preparePostgres(folder) {
  return new PostgresServer(await createCluster(folder), randomPort());
}

class PostgresServer extends Server {
  constructor(cluster, port) {
    super();
    this.port = port;
    this.urlFor = cluster.urlFor;
    // What was committed survives a kill of the processes without a flush to the disk, but not without one to the system.
    const settings = ['fsync=off', 'synchronous_commit=on', 'max_connections=200', 'log_lock_waits=on'];
    this.command = { program: cluster.program, args: cluster.argsFor(port, settings), options: cluster.options };
  }

  async connect() {
    this.client = new Client({ connectionString: this.urlFor(this.port), query_timeout: PATIENCE });
    this.client.on('error', () => {}); // the next look fails
    await this.client.connect();
  }

  disconnect() {
    this.client?.end().catch(() => {});
  }

  look() {
    return this.client.query('SELECT 1');
  }

  /** The process of the look comes last: it answers until then. */
  async otherProcesses() {
    const { rows } = await this.client.query({
      text: 'SELECT pid FROM pg_stat_activity ORDER BY pid = pg_backend_pid(), backend_start',
      query_timeout: 5 * PATIENCE,
    });
    return rows.map(({ pid }) => pid);
  }

  /** Sessions that have waited for a lock of another for a second. */
  async waits() {
    const { rows } = await this.client.query(
      `SELECT extract(epoch FROM clock_timestamp() - query_start) * 1000 AS waited, left(query, 120) AS query,
         cardinality(pg_blocking_pids(pid)) AS blockers
       FROM pg_stat_activity
       WHERE wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '1 second'`,
    );
    return rows.map(({ waited, query, blockers }) => ({ waited: Math.round(waited), query: oneLine(query), blockers }));
  }

  async contents() {
    const { rows: tables } = await this.client.query(
      `SELECT table_schema AS schema, table_name AS name FROM information_schema.tables
       WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
    const items = [];
    for (const { schema, name } of tables) {
      const { rows } = await this.client.query(`SELECT to_jsonb(t) AS row FROM "${schema}"."${name}" t LIMIT 5000`);
      for (const { row } of rows) {
        const expires = typeof row.expires_at === 'number' || typeof row.expires_at === 'string';
        items.push({ name, kind: row.kind, expires, detail: JSON.stringify(row).slice(0, 200) });
      }
    }
    return items;
  }
}

function randomPort() {
  return PORTS.first + Math.floor(Math.random() * PORTS.count);
}

function oneLine(text) {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function signalAll(pids, signal) {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}
