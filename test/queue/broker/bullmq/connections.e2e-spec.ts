import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { BrokerUnavailableError, TasksConfigError, type TaskQueueOptions } from 'nestjs-tasks';
import { Client, Pool } from 'pg';
import type { Signal } from '../../../../lib/queue/broker/broker.js';
import type { Connections } from '../../../../lib/queue/broker/bullmq/connections.js';
import { brokerSpace, SHARED_BROKERS, type BrokerKind } from '../../../support/brokers.js';
import { until } from '../../../support/until.js';
import { Proxy } from '../../faults/proxy.js';
import { connect, open, runOne } from '../connected.js';

jest.setTimeout(30_000);

function kindOf(label: string): BrokerKind[] {
  return SHARED_BROKERS.filter((kind) => kind.label === label);
}

describe.each(SHARED_BROKERS)('a broker on $label', (kind) => {
  const space = brokerSpace(kind);

  it('knows the key that it made up, when somebody adds with it', async () => {
    const broker = connect(space.options(space.newQueue()));
    const execution = { name: 't', args: '[]', priority: 0, when: undefined };
    const [{ key } = { key: '' }] = await broker.executions.add([{ ...execution, key: undefined }]);
    expect(await broker.executions.add([{ ...execution, key }])).toMatchObject([{ key, isNew: false }]);
    expect(await broker.executions.cancel(key, 'enough')).toBe('cancelled');
    expect(await broker.executions.add([{ ...execution, key }])).toMatchObject([{ key, isNew: true }]);
  });

  it('reads no arguments that nobody has asked for', async () => {
    await using proxy = await new Proxy(kind.url).open();
    const broker = connect({ ...space.options(space.newQueue()), url: proxy.url });
    const args = JSON.stringify(['x'.repeat(300_000)]);
    const execution = { key: 'k', name: 't', args, priority: 0, when: Date.now() + 3_600_000 };
    const [added] = await broker.executions.add([execution]);
    const id = added?.id ?? '';
    await broker.executions.get('k'); // it makes all connections, and reads them
    const before = proxy.received;
    expect(before).toBeGreaterThan(args.length);
    for (let times = 0; times < 5; times += 1) {
      expect((await broker.executions.find(id, 'k'))?.state).toBe('scheduled');
      expect((await broker.executions.list(0)).counts.scheduled).toBe(1);
      expect(await broker.runs.wake('k')).toBe(false);
    }
    expect(proxy.received - before).toBeLessThan(args.length / 5);
    expect((await broker.executions.list(1)).records[0]?.args).toBe(args);
    expect(await broker.executions.cancel('k', 'enough')).toBe('cancelled');
  });

  it('says that it has signalled, when what it has cancelled ends between two of its looks', async () => {
    const name = space.newQueue();
    const [broker, worker] = [connect(space.options(name)), connect(space.options(name))];
    await broker.executions.add([{ key: 'k', name: 't', args: '[]', priority: 0, when: undefined }]);
    const held = await worker.runs.claim();
    if (held === undefined) throw new Error('There is nothing to claim');
    const { connections } = Reflect.get(Reflect.get(broker, 'session') as object, 'site') as {
      connections: Connections;
    };
    const look = connections.lookAtJob.bind(connections);
    jest.spyOn(connections, 'lookAtJob').mockImplementationOnce(async (id) => {
      await worker.runs.settle(held, { type: 'release', at: Date.now(), reason: 'shutdown' }, false);
      const seen = await look(id);
      const next = await until(() => worker.runs.claim(), 'the next start');
      expect(next.cancellation).toBe('enough');
      await worker.runs.settle(next, { type: 'cancel', reason: 'enough' }, false);
      return seen;
    });
    expect(await broker.executions.cancel('k', 'enough')).toBe('signalled');
    expect((await broker.executions.get('k'))?.state).toBe('cancelled');
  });

  it('lets go of a connection that comes when it is closed', async () => {
    const broker = connect(space.options(space.newQueue()));
    const connected = broker.connect().catch((error: unknown) => error);
    await broker.close();
    expect(await connected).toBeInstanceOf(BrokerUnavailableError);
    await expect(broker.executions.size()).rejects.toThrow(BrokerUnavailableError);
  });
});

describe.each(kindOf('redis'))('a connection to $label', (kind) => {
  const space = brokerSpace(kind);
  const { hostname: host, port } = new URL(kind.url);
  const address = { host, port: Number(port || 6379) };
  const options = (connection: unknown): TaskQueueOptions => ({
    connection,
    prefix: space.prefix,
    name: space.newQueue(),
  });

  it.each([
    ['a url', kind.url],
    ['an object', address],
    ['an object with a url', { url: kind.url, connectTimeout: 1_000 }],
  ])('may be %s', async (_what, connection) => {
    expect(await runOne(connect(options(connection)))).toBe('[2]');
  });

  it("may be the application's own client, which is left alone", async () => {
    const client = new Redis({ ...address, maxRetriesPerRequest: 3 });
    open.push({ close: () => client.disconnect() });
    const broker = connect(options(client));
    expect(await runOne(broker)).toBe('[2]');
    await broker.close();
    expect(await client.ping()).toBe('PONG');
  });
});

describe.each(kindOf('postgres'))('a connection to $label', (kind) => {
  const space = brokerSpace(kind);
  const options = (connection: unknown): TaskQueueOptions => ({
    connection,
    prefix: space.prefix,
    name: space.newQueue(),
  });

  it.each([
    ['a url', kind.url],
    ['a url with options of the session', `${kind.url}?options=-c%20statement_timeout%3D20000`],
    ['an object', { connectionString: kind.url, options: '-c statement_timeout=20000' }],
  ])('may be %s', async (_what, connection) => {
    expect(await runOne(connect(options(connection)))).toBe('[2]');
  });

  it("may be the application's own pool, which is left alone", async () => {
    const pool = new Pool({ connectionString: kind.url, password: 'kept out of sight by pg', ssl: false });
    open.push({ close: () => pool.end() });
    const broker = connect(options(pool));
    expect(await runOne(broker)).toBe('[2]');
    await broker.close();
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('needs a schema that is set up, unless it may set it up itself', async () => {
    const name = space.newQueue();
    const bare = { url: kind.url, prefix: `${space.prefix}_none`, name, migrate: false };
    await expect(connect(bare).connect()).rejects.toThrow(TasksConfigError);
    await expect(connect(bare).connect()).rejects.toThrow('the schema t_');
    await connect(space.options(name)).connect();
    expect(await runOne(connect({ ...space.options(name), migrate: false }))).toBe('[2]');
  });

  it('hears signals again when its connection was lost', async () => {
    const url = new URL(kind.url);
    const name = `listener_${space.prefix}`;
    url.searchParams.set('application_name', name);
    const broker = connect({ ...space.options(space.newQueue()), url: url.href });
    const heard: Signal[] = [];
    await broker.signals.subscribe((signal) => void heard.push(signal));
    const admin = new Client(kind.url);
    await admin.connect();
    open.push({ close: () => admin.end() });
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [name]);
    await until(async () => {
      await broker.signals.publish({ type: 'changed', id: 'k' }).catch(() => {});
      await sleep(20);
      return heard.length > 0;
    }, 'a signal');
    expect(heard[0]).toEqual({ type: 'changed', id: 'k' });
  });
});
