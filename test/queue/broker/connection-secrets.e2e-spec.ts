import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { context, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Redis } from 'ioredis';
import { Durable, TaskQueue, type TaskQueueOptions } from 'nestjs-tasks';
import { Client, Pool } from 'pg';
import { brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { startContext } from '../../support/context.js';
import { everythingOf } from '../../support/everything-of.js';
import { LogLines } from '../../support/log-lines.js';
import { compile } from '../../support/module.js';
import { REDIS_PROGRAM, RedisServer } from '../faults/redis-server.js';

jest.setTimeout(60_000);

const SECRET = 's3cr3tPassw0rd';
const ARGUMENT = 'card-4111111111111111';
const NOBODY = '127.0.0.1:1';

@Injectable()
class Jobs {
  @Durable('secrets.charge')
  charge(_card: unknown): void {}
}

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

function expectNoSecret(...shown: unknown[]): void {
  const text = shown.map(everythingOf).join('\n');
  expect(text).not.toContain(SECRET);
  expect(text).not.toContain(encodeURIComponent(SECRET));
  expect(text).not.toContain(ARGUMENT);
}

/** What a boot with these options, and then an add, fails with; and every line that was logged. */
async function failureOf(queue: TaskQueueOptions): Promise<{ error: Error; logs: LogLines }> {
  const logs = new LogLines();
  try {
    const module = await compile({ providers: [Jobs] }, { queue: { worker: { lease: 1_000 }, ...queue } }, logs);
    const app = await module.init();
    stops.push(() => app.close());
    await app.get(TaskQueue).add('secrets.charge')(ARGUMENT);
  } catch (error) {
    return { error: error as Error, logs };
  }
  throw new Error('Nothing has failed');
}

describe('a wrong configuration', () => {
  const REDIS = 'redis://127.0.0.1:6379';

  it.each<[string, TaskQueueOptions]>([
    ['url and a text', { url: REDIS, connection: `redis://:${SECRET}@${NOBODY}` }],
    ['url and an object', { url: REDIS, connection: { host: 'h', password: SECRET } }],
    ['url and a client', { url: REDIS, connection: new Redis({ lazyConnect: true, password: SECRET }) }],
    ['another protocol', { url: `amqp://u:${SECRET}@h` }],
    ['a slash in the password', { url: `amqp://u:p@/${SECRET}@h` }],
    ['a misspelt protocol', { url: `postgress://h/db?user=u&password=${SECRET}` }],
    ['no slashes', { url: `redis+tls:u:${SECRET}@h` }],
    ['no protocol', { url: `:${SECRET}@${NOBODY}` }],
    ['the name of the variable', { url: `REDIS_URL=redis://u:${SECRET}@h` }],
    ['the password alone', { url: SECRET }],
    ['an object for a url', { url: { password: SECRET } as never }],
    ['a wrong text as connection', { connection: `rediss+x://u:${SECRET}@h` }],
    ['a wrong url in an object', { connection: { url: `rediss+x://u:${SECRET}@h`, password: SECRET } }],
    ['a function as connection', { connection: Object.assign(() => {}, { password: SECRET }) }],
    ['the url as name', { name: `redis://u:${SECRET}@h` }],
    ['the url as prefix', { url: REDIS, prefix: `redis://u:${SECRET}@h` }],
    ['the url as worker', { url: REDIS, worker: `redis://u:${SECRET}@h` as never }],
  ])('shows no value of the connection: %s', async (_what, options) => {
    const { error, logs } = await failureOf(options);
    expect(error).toMatchObject({ code: 'TASKS_CONFIG', value: '…' });
    expectNoSecret(error, logs.lines);
  });

  it('in place of all options shows nothing of it', async () => {
    const boot = startContext({ queue: `redis://u:${SECRET}@h` as never });
    const error: unknown = await boot.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TASKS_CONFIG', option: 'queue', value: '…' });
    expectNoSecret(error);
  });

  it('names the scheme and the host, where it is certain which they are', async () => {
    const { error } = await failureOf({ url: `amqp://u:${SECRET}@queue.internal/x` });
    expect(error.message).toContain("'amqp://…@queue.internal…'");
  });
});

describe('a server that cannot be reached', () => {
  it.each<[string, TaskQueueOptions]>([
    ['Redis', { url: `redis://:${SECRET}@${NOBODY}` }],
    ['Redis at a name', { url: `redis://u:${SECRET}@no.such.host.invalid:1` }],
    ['Redis by an object', { connection: { host: '127.0.0.1', port: 1, password: SECRET } }],
    ['PostgreSQL', { url: `postgres://u:${SECRET}@${NOBODY}/db` }],
    ['PostgreSQL by an object', { connection: { host: '127.0.0.1', port: 1, password: SECRET, database: 'x' } }],
    ['PostgreSQL by a pool', { connection: new Pool({ connectionString: `postgres://u:${SECRET}@${NOBODY}/db` }) }],
  ])('is told of without its password: %s', async (_what, options) => {
    const { error, logs } = await failureOf(options);
    expect(error).toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    expect(logs.lines.join()).toContain('Broker unreachable');
    expectNoSecret(error, logs.lines);
  });
});

(REDIS_PROGRAM === undefined ? describe.skip : describe)('a Redis that refuses', () => {
  async function start(...settings: string[]): Promise<RedisServer> {
    const server = await new RedisServer(undefined, settings).start();
    stops.push(() => server[Symbol.asyncDispose]());
    return server;
  }

  it.each([
    ['a password', `:${SECRET}`],
    ['a user', `alice:${SECRET}`],
  ])('%s', async (_what, login) => {
    const { url } = await start('--requirepass', 'another');
    const { error, logs } = await failureOf({ url: url.replace('//', `//${login}@`) });
    expect(error).toMatchObject({ code: 'TASKS_CONFIG' });
    expect(error.message).toContain('WRONGPASS');
    expectNoSecret(error, logs.lines);
  });

  it('AUTH itself, and repeats its arguments', async () => {
    const { url } = await start('--rename-command', 'AUTH', '');
    const { error, logs } = await failureOf({ url: url.replace('//', `//:${SECRET}@`) });
    expect(error.message).toContain('unknown command');
    expectNoSecret(error, logs.lines);
  });

  it('to store more, in spans too', async () => {
    const { url } = await start('--maxmemory', '3mb', '--maxmemory-policy', 'noeviction');
    const exporter = new InMemorySpanExporter();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    stops.push(() => (trace.disable(), context.disable()));
    await using test = await startContext({ queue: { url, worker: false } }, { providers: [Jobs] });
    const client = new Redis(url);
    stops.push(() => client.disconnect());
    const queue = test.context.get(TaskQueue);
    await queue.add('secrets.charge')('first'); // the scripts are there
    for (let full = false; !full;)
      full = await client.append('filling', 'x'.repeat(200_000)).then(
        () => false,
        () => true,
      );
    const task = test.scheduler.schedule(() => queue.add('secrets.charge')({ [ARGUMENT]: ARGUMENT }));
    const outcome = await task.done;
    expect(outcome).toMatchObject({ status: 'failed', error: { message: expect.stringContaining('OOM') } });
    // Of the addition, and of the task that made it.
    const spans = exporter.getFinishedSpans().filter(({ status }) => status.message !== undefined);
    expect(spans.map(({ name }) => name)).toEqual(['send secrets.charge', 'immediate anonymous']);
    for (const { attributes, events, status, name } of spans) {
      expect(status.message).toContain('OOM');
      expectNoSecret(outcome, test.logs.lines, { attributes, events, status, name });
    }
  });
});

describe('a PostgreSQL that refuses', () => {
  /** Says no in its own words, as some proxies do, and repeats what it was given. */
  async function startFake(): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      socket.once('data', () => {
        socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3])); // AuthenticationCleartextPassword
        socket.once('data', (message) => {
          const given = message.subarray(5, -1).toString();
          const fields = ['SFATAL', 'VFATAL', 'C28P01', `Mpassword ${given} is wrong for user "u"`, `D${given}`, ''];
          const body = Buffer.from(`${fields.join('\0')}\0`);
          const head = Buffer.alloc(5, 'E');
          head.writeInt32BE(body.length + 4, 1);
          socket.end(Buffer.concat([head, body]));
        });
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stops.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  it.each([
    ['by a url', (port: number) => ({ url: `postgres://u:${SECRET}@127.0.0.1:${port}/db` })],
    ['by an object', (port: number) => ({ connection: { host: '127.0.0.1', port, user: 'u', password: SECRET } })],
  ])('a password %s', async (_what, optionsOf) => {
    const { error, logs } = await failureOf(optionsOf(await startFake()) as TaskQueueOptions);
    expect(error).toMatchObject({ message: expect.stringContaining('is wrong for user') });
    expectNoSecret(error, logs.lines);
  });
});

// A table may not be empty.
for (const kind of SHARED_BROKERS.filter(({ label }) => label === 'postgres')) {
  describe('a PostgreSQL that refuses a row', () => {
    const space = brokerSpace(kind);

    it('and repeats it', async () => {
      const options = { ...space.options(space.newQueue()), worker: false } as const;
      await using test = await startContext({ queue: options }, { providers: [Jobs] });
      const queue = test.context.get(TaskQueue);
      await queue.clear();
      const client = new Client({ connectionString: kind.url });
      await client.connect();
      await client.query(`ALTER TABLE "${space.prefix}".job ADD CHECK (name <> 'secrets.charge')`);
      await client.end();
      const adding = queue.add('secrets.charge')(ARGUMENT);
      const error: unknown = await adding.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: '23514', message: expect.stringContaining('check constraint') });
      expectNoSecret(error, test.logs.lines);
    });
  });
}

describe('an argument that cannot be used', () => {
  function named(name: string): () => void {
    return Object.defineProperty(() => {}, 'name', { value: name });
  }

  it.each<[string, unknown]>([
    ['under a forbidden key', JSON.parse(`{"__proto__":"${ARGUMENT}"}`)],
    ['under a key of a Map', new Map([[ARGUMENT, () => {}]])],
    ['as a key of a Map', new Map([[named(ARGUMENT), 1]])],
    ['a function', named(ARGUMENT)],
    ['a symbol', Symbol(ARGUMENT)],
    ['of a class of its own', new WeakMap([[{}, ARGUMENT]])],
    [
      'what says to be of another class',
      Object.assign(Object.create({}) as object, { a: () => {}, constructor: { name: ARGUMENT } }),
    ],
  ])('is told of by its type alone: %s', async (_what, value) => {
    await using test = await startContext({}, { providers: [Jobs] });
    const error = await test.context
      .get(TaskQueue)
      .add('secrets.charge')(value)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TASK_ARGUMENT' });
    expectNoSecret(error, test.logs.lines);
  });

  it.each<[string, (queue: TaskQueue) => unknown]>([
    ['when', (queue) => queue.add('secrets.charge', { when: ARGUMENT })()],
    ['priority', (queue) => queue.add('secrets.charge', { priority: ARGUMENT as never })()],
    ['key', (queue) => queue.add('secrets.charge', { key: named(ARGUMENT) as never })()],
    ['the value of a strike', (queue) => queue.strike(null, 'card', 'in', ARGUMENT)],
    ['the mode of a strike', (queue) => queue.strike('secrets.charge', { mode: ARGUMENT as never })],
  ])('is told of by its type alone: %s', async (_what, call) => {
    await using test = await startContext({}, { providers: [Jobs] });
    const error = await Promise.resolve(call(test.context.get(TaskQueue))).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TASK_ARGUMENT' });
    expectNoSecret(error, test.logs.lines);
  });
});
