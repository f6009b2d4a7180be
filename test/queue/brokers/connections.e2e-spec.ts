import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { BrokerUnavailableError, TasksConfigError } from 'nestjs-tasks';
import { Client, Pool } from 'pg';
import type { Broker, Signal } from '../../../lib/queue/brokers/broker.js';
import { createBroker } from '../../../lib/queue/brokers/create-broker.js';
import { systemClock } from '../../../lib/queue/clock.js';
import { resolveQueueOptions, type TaskQueueOptions } from '../../../lib/queue/queue-options.js';
import { brokerSpace, SHARED_BROKERS, type BrokerKind } from '../../support/brokers.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function connect(options: TaskQueueOptions): Broker {
  const broker = createBroker(resolveQueueOptions({ ...options, worker: { lease: 2_000 } }), systemClock, 'w-1');
  open.push(broker);
  return broker;
}

/** Takes one execution from its add to its end. @returns its result, as it is stored. */
async function runOne(broker: Broker): Promise<string | undefined> {
  const [added] = await broker.add([{ key: undefined, name: 't', args: '[1]', priority: 0, when: undefined }]);
  const claim = await broker.claim();
  if (claim?.record.key !== added?.key || claim === undefined) return undefined;
  await broker.settle(claim, { type: 'complete', result: '[2]' }, false);
  return (await broker.get(claim.record.key))?.result;
}

function kindOf(label: string): BrokerKind[] {
  return SHARED_BROKERS.filter((kind) => kind.label === label);
}

describe.each(SHARED_BROKERS)('a broker on $label', (kind) => {
  const space = brokerSpace(kind);

  it('knows the key that it made up, when somebody adds with it', async () => {
    const broker = connect(space.options(space.newQueue()));
    const execution = { name: 't', args: '[]', priority: 0, when: undefined };
    const [{ key } = { key: '' }] = await broker.add([{ ...execution, key: undefined }]);
    expect(await broker.add([{ ...execution, key }])).toEqual([{ key, isNew: false }]);
    expect(await broker.cancel(key, 'enough')).toBe('cancelled');
    expect(await broker.add([{ ...execution, key }])).toEqual([{ key, isNew: true }]);
  });

  it('lets go of a connection that comes when it is closed', async () => {
    const broker = connect(space.options(space.newQueue()));
    const connected = broker.connect().catch((error: unknown) => error);
    await broker.close();
    expect(await connected).toBeInstanceOf(BrokerUnavailableError);
    await expect(broker.size()).rejects.toThrow(BrokerUnavailableError);
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

  it('carries signals that NOTIFY is too short for', async () => {
    const broker = connect(space.options(space.newQueue()));
    const heard: Signal[] = [];
    await broker.subscribe((signal) => void heard.push(signal));
    const signal: Signal = { type: 'changed', key: 'ä'.repeat(10_000) };
    await broker.publish(signal);
    await until(() => heard.length === 1, 'the signal');
    expect(heard).toEqual([signal]);
  });

  it('hears signals again when its connection was lost', async () => {
    const url = new URL(kind.url);
    const name = `listener_${space.prefix}`;
    url.searchParams.set('application_name', name);
    const broker = connect({ ...space.options(space.newQueue()), url: url.href });
    const heard: Signal[] = [];
    await broker.subscribe((signal) => void heard.push(signal));
    const admin = new Client(kind.url);
    await admin.connect();
    open.push({ close: () => admin.end() });
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [name]);
    await until(async () => {
      await broker.publish({ type: 'changed', key: 'k' }).catch(() => {});
      await sleep(20);
      return heard.length > 0;
    }, 'a signal');
    expect(heard[0]).toEqual({ type: 'changed', key: 'k' });
  });
});
