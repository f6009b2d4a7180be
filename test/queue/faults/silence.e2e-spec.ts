import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { BrokerUnavailableError, Durable, TaskQueue, type Execution } from 'nestjs-tasks';
import { Client } from 'pg';
import { QUIET, BROKER, type Broker } from '../../../lib/queue/broker/broker.js';
import { brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { startContext } from '../../support/context.js';
import { until } from '../../support/until.js';
import { Proxy } from './proxy.js';

jest.setTimeout(120_000);

/** What a call may take to fail: two seconds, and what a busy machine adds. */
const FAST = 4_500;
/** Longer than a server may be silent. */
const SLOW = 3_000;

@Injectable()
class NoteTasks {
  @Durable('note')
  note(value: number): number {
    return value;
  }
}

const rejections: unknown[] = [];
const note = (reason: unknown): unknown => rejections.push(reason);
process.on('unhandledRejection', note);
afterEach(() => {
  const [rejection] = rejections.splice(0);
  if (rejection !== undefined) throw new Error('A rejection that nobody has handled', { cause: rejection });
});

describe.each(SHARED_BROKERS)('a call to $label', (kind) => {
  const space = brokerSpace(kind);

  /** An application that only adds, with a proxy between it and the broker. */
  async function open(proxy: Proxy, connection?: unknown) {
    const address = connection === undefined ? { url: proxy.url } : { url: undefined, connection };
    const options = { ...space.options(space.newQueue()), ...address, worker: false as const };
    const context = await startContext({ queue: options }, { providers: [NoteTasks] });
    const queue = context.context.get(TaskQueue);
    const task = context.context.get(NoteTasks).note;
    await queue.strikes();
    return {
      queue,
      task,
      broker: context.context.get<Broker>(BROKER),
      [Symbol.asyncDispose]: () => context[Symbol.asyncDispose](),
    };
  }

  type App = Awaited<ReturnType<typeof open>>;

  const CALLS: Record<string, (app: App, known: Execution) => Promise<unknown>> = {
    'add()': ({ queue, task }) => queue.add(task, { key: 'a' })(1),
    'add() without a key': ({ queue, task }) => queue.add(task)(1),
    'replace()': ({ queue, task }) => queue.replace(task, { key: 'r', when: '1h' })(1),
    'cancel()': ({ queue }, { key }) => queue.cancel(key),
    'get()': ({ queue }, { key }) => queue.get(key),
    'snapshot()': ({ queue }) => queue.snapshot(),
    'workers()': ({ queue }) => queue.workers(),
    'limits()': ({ queue }) => queue.limits(),
    'clear()': ({ queue }) => queue.clear(),
    'strike()': ({ queue, task }) => queue.strike(task, { reason: 'test' }),
    'restore()': ({ queue, task }) => queue.restore(task),
    'after().add()': ({ queue, task }, known) => queue.after([known]).add(task, { key: 'f' })(1),
    'agenda().scatter()': ({ queue, task }) => queue.agenda().add(task, { key: 'g' })(1).scatter({ over: '1h' }),
    'result()': (_app, known) => known.result({ timeout: '3s' }),
  };

  it('settles in about two seconds when the server falls silent, whichever it is', async () => {
    await using proxy = await new Proxy(kind.url).open();
    await using app = await open(proxy);
    const known = await app.queue.add(app.task, { key: 'known', when: '1h' })(1);
    proxy.freeze();
    const begunAt = performance.now();
    const ends = await Promise.all(
      Object.entries(CALLS).map(async ([name, call]) => {
        const end = await call(app, known).then(
          () => 'resolved',
          (error: unknown) => (error instanceof Error ? error.constructor.name : error),
        );
        return { name, end, isFast: performance.now() - begunAt < FAST };
      }),
    );
    for (const { name, end, isFast } of ends) {
      expect({ name, end, isFast }).toEqual({
        name,
        end:
          name === 'result()'
            ? expect.stringMatching(/BrokerUnavailableError|ResultTimeoutError/)
            : 'BrokerUnavailableError',
        isFast: true,
      });
    }
    proxy.thaw();
    await until(() => app.queue.get('known').catch(() => undefined), 'the connection to be back', 20_000);
    // Redis' client has sent the fan-in again that failed, which waits for what nobody runs.
    const { entries } = (await app.broker.maps.read('fan-ins')) ?? { entries: new Map<string, string>() };
    for (const id of entries.keys()) await app.broker.maps.erase('fan-ins', id, { owned: `${QUIET}fan-in:${id}` });
  });

  it('leaves no rejection behind when the application closes while its clients listen anew', async () => {
    await using proxy = await new Proxy(kind.url).open();
    const app = await open(proxy);
    await until(() => proxy.listens > 0, 'the application to listen');
    proxy.cut();
    proxy.hush();
    const before = proxy.listens;
    await proxy.open();
    await until(() => proxy.listens > before, 'the application to listen again');
    await app[Symbol.asyncDispose]();
    expect(rejections).toEqual([]);
  });

  it('says when to repeat it could run the task twice', async () => {
    await using proxy = await new Proxy(kind.url).open();
    await using app = await open(proxy);
    proxy.freeze();
    const ends = await Promise.allSettled([app.queue.add(app.task)(1), app.queue.add(app.task, { key: 'k' })(1)]);
    expect(ends).toMatchObject([
      { reason: { isRepeatable: false, message: expect.stringContaining('may run the task twice') } },
      { reason: { isRepeatable: true, message: expect.stringContaining('use the same key') } },
    ]);
    proxy.thaw();
  });

  it('waits for as long as the server replies, however slow the line is', async () => {
    await using proxy = await new Proxy(kind.url).open();
    await using app = await open(proxy);
    await app.queue.add(app.task)(0);
    // So that all of them take longer than a server may be silent.
    proxy.throttle(kind.label === 'redis' ? 150 : 10);
    const begunAt = performance.now();
    const count = kind.label === 'redis' ? 4_000 : 200;
    await Promise.all(Array.from({ length: count }, (_, at) => app.queue.add(app.task)(at)));
    const took = performance.now() - begunAt;
    proxy.throttle(Infinity);
    expect(took).toBeGreaterThan(SLOW);
    expect(await app.broker.executions.size()).toBe(count + 1);
  });

  it('takes an agenda that is sent for longer than a server may be silent', async () => {
    await using proxy = await new Proxy(kind.url).open();
    await using app = await open(proxy);
    await app.queue.add(app.task)(0);
    const agenda = app.queue.agenda();
    const count = kind.label === 'redis' ? 6_000 : 200;
    for (let at = 0; at < count; at += 1) agenda.add(app.task)(at);
    proxy.throttle(kind.label === 'redis' ? 300 : 10);
    expect(await agenda.scatter({ over: '1h' })).toHaveLength(count);
    proxy.throttle(Infinity);
    expect(await app.broker.executions.size()).toBe(count + 1);
  });

  if (kind.label !== 'postgres') return;

  it('waits its turn in a pool of one', async () => {
    await using proxy = await new Proxy(kind.url).open();
    await using app = await open(proxy, { connectionString: proxy.url, max: 1 });
    const executions = await Promise.all(
      Array.from({ length: 50 }, (_, at) => app.queue.add(app.task, { key: `k${at}`, when: '1h' })(at)),
    );
    proxy.throttle(100);
    const begunAt = performance.now();
    const found = await Promise.all(executions.map(({ key }) => app.queue.get(key)));
    expect(performance.now() - begunAt).toBeGreaterThan(SLOW);
    expect(found.map((execution) => execution?.key)).toEqual(executions.map(({ key }) => key));
    proxy.throttle(Infinity);
  });

  it('ends a statement in the server, too, when it has been given up', async () => {
    await using proxy = await new Proxy(kind.url).open();
    await using app = await open(proxy);
    await app.queue.add(app.task, { key: 'before' })(1);
    await using admin = Object.assign(new Client(kind.url), { [Symbol.asyncDispose]: () => admin.end() });
    await admin.connect();
    await admin.query('BEGIN');
    await admin.query(`LOCK TABLE "${space.prefix}".job IN ACCESS EXCLUSIVE MODE`);
    const waiting = `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '"${space.prefix}".job'::regclass`;
    const added = app.queue
      .add(app.task, { key: 'locked' })(1)
      .catch((error: unknown) => error);
    await until(async () => (await admin.query(waiting)).rowCount, 'the lock to be waited for');
    expect(await added).toBeInstanceOf(BrokerUnavailableError);
    await until(async () => (await admin.query(waiting)).rowCount === 0, 'nobody to wait for the lock', 4_000);
    await admin.query('ROLLBACK');
    await sleep(100);
    expect(await app.queue.get('locked')).toBeUndefined();
  });

  it('reaches the new primary after a failover has left its connections with a server that is read-only', async () => {
    await using proxy = await new Proxy(kind.url).open();
    const name = `readonly_${space.prefix}`;
    const url = new URL(proxy.url);
    url.searchParams.set('application_name', name);
    await using app = await open(proxy, url.href);
    await using admin = Object.assign(new Client(kind.url), { [Symbol.asyncDispose]: () => admin.end() });
    await admin.connect();
    const role = new URL(kind.url).username || 'postgres';
    // New sessions only: the role's default, for as long as the test needs it.
    const readOnly = `${space.prefix}_ro`;
    await admin.query(`CREATE ROLE ${readOnly} LOGIN IN ROLE ${role}`);
    try {
      await admin.query(`ALTER ROLE ${readOnly} SET default_transaction_read_only = on`);
      const ownUrl = new URL(url.href);
      ownUrl.username = readOnly;
      ownUrl.password = '';
      await using stale = await open(proxy, ownUrl.href);
      await expect(stale.queue.add(stale.task, { key: 'ro' })(1)).rejects.toThrow(BrokerUnavailableError);
      await expect(stale.queue.add(stale.task, { key: 'ro' })(1)).rejects.toThrow(/read-only/);
      await admin.query(`ALTER ROLE ${readOnly} RESET default_transaction_read_only`);
      await until(
        () =>
          stale.queue
            .add(stale.task, { key: 'ro' })(1)
            .catch(() => undefined),
        'an add',
        FAST,
      );
    } finally {
      await admin.query(`DROP ROLE ${readOnly}`);
    }
    expect(await app.queue.get('ro')).toBeUndefined(); // of another queue
  });
});
