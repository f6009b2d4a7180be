import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { metrics } from '@opentelemetry/api';
import { Durable, TaskQueue } from 'nestjs-tasks';
import { BROKER, type Broker } from '../../lib/queue/broker/broker.js';
import { BROKERS, brokerSpace } from '../support/brokers.js';
import { startContext } from '../support/context.js';
import { inTransaction, openOutboxDatabase } from '../support/outbox-databases.js';
import { startQueue } from '../support/queue-context.js';
import { until } from '../support/until.js';
import { Sdk } from '../telemetry/sdk.js';

jest.setTimeout(30_000);

@Injectable()
class Orders {
  @Durable('orders.note')
  note(_what: unknown): void {}

  @Durable('orders.fail', { retry: { attempts: 2, delay: 1 } })
  fail(): void {
    throw new Error('bad');
  }
}

const DEPTH = 'tasks.queue.depth';
const OLDEST = 'tasks.queue.oldest_wait';
const PROVIDERS = { providers: [Orders] };

/** Adds an execution as if it was due for five seconds. */
function addOld({ executions }: Broker): Promise<unknown> {
  const at = Date.now() - 5_000;
  const old = { key: undefined, name: 'orders.note', args: '["old"]', priority: 0, when: at, addedAt: at };
  return executions.add([old]);
}

let sdk: Sdk;
beforeEach(() => {
  sdk = new Sdk();
});
afterEach(() => sdk[Symbol.dispose]());

describe.each(BROKERS)('metrics of the queue: $label', (kind) => {
  const space = brokerSpace(kind);

  it('are the depth and the oldest wait of each task, also where there is none', async () => {
    await using test = await startQueue(space, PROVIDERS, { worker: false });
    await addOld(test.broker);
    await test.queue.add('orders.note', { when: '1h' })('later');
    const depth = await sdk.metric(DEPTH);
    expect(depth).toMatchObject({ 'orders.note waiting': 1, 'orders.note scheduled': 1, 'orders.note running': 0 });
    expect(depth).toMatchObject({ 'orders.fail waiting': 0, 'orders.fail parked': 0, 'orders.fail retrying': 0 });
    const oldest = await sdk.metric(OLDEST);
    expect(oldest['orders.note']).toBeGreaterThanOrEqual(5);
    expect(oldest['orders.note']).toBeLessThan(60);
    expect(oldest['orders.fail']).toBe(0);
    await test.queue.clear();
  });

  it('are what waits in the outbox, where there is one', async () => {
    await using database = await openOutboxDatabase('sqlite');
    const outbox = { database: database.database };
    await using test = await startQueue(space, PROVIDERS, { worker: false, outbox });
    expect(await sdk.metric('tasks.outbox.waiting')).toEqual({ '': 0 });
    await inTransaction(database, ({ handle }) => test.queue.add('orders.note', { transaction: handle })('x'));
    await until(async () => (await sdk.metric('tasks.outbox.waiting'))[''] === 1, 'the row');
    expect((await sdk.metric('tasks.outbox.oldest_wait'))['']).toBeGreaterThanOrEqual(0);
    await test.queue.clear();
  });

  it('are looked for by one process of the fleet, and by the next one when it has ended', async () => {
    if (!kind.isShared) return;
    const first = await startQueue(space, PROVIDERS);
    await using second = await startQueue(space, PROVIDERS, { fleet: first.fleet });
    const looks = [first, second].map(({ broker }) => jest.spyOn(broker.executions, 'depths'));
    for (let time = 0; time < 3; time += 1) await sdk.metric(DEPTH);
    expect(looks.map(({ mock }) => mock.calls.length > 0).toSorted()).toEqual([false, true]);
    const holder = looks[0]?.mock.calls.length === 0 ? second : first;
    expect(await holder.broker.duties.take('observe', 'another', 1_000)).toBe(false);
    await first.context.close();
    if (holder === second) return;
    await until(() => second.broker.duties.take('observe', 'another', 1_000), 'the duty to be free');
  });

  it('are start latencies and durations of what runs here, by task', async () => {
    await using test = await startQueue(space, PROVIDERS);
    await addOld(test.broker);
    const failing = await test.queue.add('orders.fail')();
    await Promise.allSettled([failing.result()]);
    await until(() => test.queue.counts.completed === 1, 'the other one to end');
    await until(
      async () => 'orders.fail failed' in (await sdk.histogram('tasks.queue.duration')),
      'both to be counted',
    );
    const [latency, duration] = [
      await sdk.histogram('tasks.queue.start_latency'),
      await sdk.histogram('tasks.queue.duration'),
    ];
    expect(latency['orders.note']).toMatchObject({ count: 1 });
    expect(latency['orders.note']?.sum).toBeGreaterThanOrEqual(5);
    expect(latency['orders.fail']).toMatchObject({ count: 2 });
    expect(Object.entries(duration).map(([name, { count }]) => [name, count])).toEqual(
      expect.arrayContaining([
        ['orders.note completed', 1],
        ['orders.fail retried', 1],
        ['orders.fail failed', 1],
      ]),
    );
  });
});

describe('metrics of the queue', () => {
  it('are none where another process observes', async () => {
    await using test = await startContext({}, PROVIDERS);
    const { duties } = test.context.get<Broker>(BROKER);
    jest.spyOn(duties, 'take').mockResolvedValue(false);
    expect(await sdk.metric(DEPTH)).toEqual({});
    expect(await sdk.metric(OLDEST)).toEqual({});
  });

  it('ask no broker where there is no durable task, no SDK, or telemetry is off', async () => {
    await using plain = await startContext();
    await using off = await startContext({ telemetry: false }, PROVIDERS);
    metrics.disable();
    await using bare = await startContext({}, PROVIDERS);
    const brokers = [plain, off, bare].map(({ context }) => context.get<Broker>(BROKER));
    const asked = brokers.flatMap(({ duties, executions }) => [
      jest.spyOn(duties, 'take'),
      jest.spyOn(executions, 'depths'),
    ]);
    expect(await sdk.metric(DEPTH)).toEqual({});
    for (const spy of asked) expect(spy).not.toHaveBeenCalled();
  });

  it('begin with the first run, where the SDK comes late', async () => {
    sdk[Symbol.dispose]();
    await using test = await startContext({}, PROVIDERS);
    sdk = new Sdk();
    await (await test.context.get(TaskQueue).add('orders.note')('a')).result();
    expect(Object.keys(await sdk.metric(DEPTH))).toContain('orders.note waiting');
    expect(await sdk.histogram('tasks.queue.start_latency')).toMatchObject({ 'orders.note': { count: 1 } });
  });

  it('are 0 when the application has ended, or another process observes: the SDK would repeat the last values', async () => {
    const test = await startContext({ queue: { worker: false } }, PROVIDERS);
    await test.context.get(TaskQueue).add('orders.note')('a');
    expect(await sdk.metric(DEPTH)).toMatchObject({ 'orders.note waiting': 1 });
    await test.context.close();
    expect(await sdk.metric(DEPTH)).toMatchObject({ 'orders.note waiting': 0 });
    expect(await sdk.metric(OLDEST)).toEqual({ 'orders.note': 0, 'orders.fail': 0 });
  });

  it('do not disturb the SDK where the broker cannot be asked', async () => {
    await using test = await startContext({}, PROVIDERS);
    const { executions } = test.context.get<Broker>(BROKER);
    const look = jest.spyOn(executions, 'depths').mockRejectedValue(new Error('down'));
    expect(await sdk.metric(DEPTH)).toEqual({});
    look.mockRestore();
    expect(Object.keys(await sdk.metric(DEPTH))).toContain('orders.note waiting');
  });
});
