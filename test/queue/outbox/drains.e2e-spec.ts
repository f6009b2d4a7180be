import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import { Gate } from '../../support/app.js';
import { brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import {
  connectOutboxDatabase,
  inTransaction,
  openOutboxDatabase,
  OUTBOX_SERVERS,
  type TestConnections,
  type TestDatabase,
} from '../../support/outbox-databases.js';
import { startQueue, type QueueContextOptions } from '../../support/queue-context.js';
import { during, until } from '../../support/until.js';
import { Chance } from '../faults/chance.js';

/** Number of rows. The full size is 100,000. */
const SIZE = process.env['TASKS_TEST_OUTBOX_ROWS'];
const ROWS = Number(SIZE ?? 2_000);
const PER_TRANSACTION = 500;
/** Of each transaction. */
const REPLACED = 10;
const KEYS = 15;
const LIMIT = 60_000 + ROWS * 5;

jest.setTimeout(LIMIT);

/** Longer than a busy machine stalls: in milliseconds. */
const LEASE = 15_000;

const chance = new Chance();

afterAll(() => {
  process.stderr.write(`outbox drains: seed ${chance.seed}\n`);
});

@Injectable()
class Orders {
  readonly seen: string[] = [];

  @Durable('drains.process')
  process(id: string): void {
    this.seen.push(id);
  }

  @Durable('drains.last')
  last(_version: number): void {}
}

const ALL_PAIRS = OUTBOX_SERVERS.flatMap((kind) =>
  SHARED_BROKERS.map((broker) => [kind, broker.label, broker] as const),
);
/** With a size that is set, all; else one for each database and for each broker. */
const PAIRS = ALL_PAIRS.filter((_, at) => SIZE !== undefined || at === 0 || at === ALL_PAIRS.length - 1);

describe.each(PAIRS)('rows from %s, which several relays give to %s', (kind, label, broker) => {
  const space = brokerSpace(broker);
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  async function start(connections: TestConnections, options: QueueContextOptions = {}) {
    const outbox = { database: connections.database };
    const test = await startQueue(space, { providers: [Orders] }, { outbox, lease: LEASE, ...options });
    return { ...test, orders: test.context.get(Orders) };
  }

  it('are relayed once, and in order by key', async () => {
    const fleet = space.newQueue();
    await using writer = await start(database, { fleet, worker: false });
    const versions = new Map<string, number>();
    let version = 0;
    const replaceSome = async (handle: object) => {
      for (let at = 0; at < REPLACED; at += 1) {
        const key = `last ${chance.below(KEYS)}`;
        version += 1;
        versions.set(key, version);
        await writer.queue.replace(writer.orders.last, { key, when: '1h', transaction: handle })(version);
      }
    };
    let written = 0;
    for (let part = 0; part < ROWS / PER_TRANSACTION; part += 1) {
      await inTransaction(database, async ({ handle }) => {
        await replaceSome(handle);
        const agenda = writer.queue.agenda();
        for (let at = REPLACED; at < PER_TRANSACTION; at += 1) agenda.add(writer.orders.process)(`r${written + at}`);
        await agenda.scatter({ over: 1, transaction: handle });
        written += PER_TRANSACTION - REPLACED;
      });
    }
    const begun = performance.now();
    await using others = connectOutboxDatabase(kind, database.address);
    await using first = await start(others, { fleet });
    await using second = await start(database, { fleet });
    await using third = await start(others, { fleet });
    const workers = [first, second, third];
    const look = async () => (await writer.queue.stats()).outbox?.waiting === 0;
    await until(look, 'the relay', LIMIT);
    const drained = performance.now() - begun;
    const seen = () => workers.flatMap(({ orders }) => orders.seen);
    await until(() => workers.reduce((sum, { orders }) => sum + orders.seen.length, 0) >= written, 'the runs', LIMIT);
    process.stderr.write(
      `outbox drains: ${written + version} rows from ${kind} to ${label} in ${Math.round(drained)} ms, run in ${Math.round(performance.now() - begun)} ms\n`,
    );
    expect(new Set(seen()).size).toBe(written);
    expect(seen().length).toBe(written);
    expect(workers.reduce((sum, { queue }) => sum + queue.counts.relayed, 0)).toBe(written + version);
    for (const [key, last] of versions) {
      expect([key, (await writer.queue.get(key))?.args]).toEqual([key, [last]]);
    }
    expect(third.logs.lines.filter((line) => line.startsWith('warn') || line.startsWith('error'))).toEqual([]);
    await writer.queue.clear();
  });

  it('run or are cancelled, as cancel() has said, while they are relayed', async () => {
    const fleet = space.newQueue();
    const count = 1_000;
    await using writer = await start(database, { fleet, worker: false });
    await inTransaction(database, async ({ handle }) => {
      const agenda = writer.queue.agenda();
      for (let at = 0; at < count; at += 1) agenda.add(writer.orders.process, { key: `k${at}` })(`k${at}`);
      await agenda.scatter({ over: 1, transaction: handle });
    });
    await using others = connectOutboxDatabase(kind, database.address);
    await using first = await start(others, { fleet, concurrency: 2 });
    await using second = await start(database, { fleet, concurrency: 2 });
    const answers = new Map<string, string>();
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let at = 0; at < 40; at += 1) {
          const key = `k${chance.below(count)}`;
          if (!answers.has(key)) answers.set(key, '');
          const answer = await writer.queue.cancel(key);
          if (answers.get(key) !== 'cancelled') answers.set(key, answer);
        }
      }),
    );
    await writer.queue.runUntilFinished();
    const seen = [writer, first, second].flatMap(({ orders }) => orders.seen);
    const cancelled = [...answers].flatMap(([key, answer]) => (answer === 'cancelled' ? [key] : []));
    expect(seen.filter((key) => cancelled.includes(key))).toEqual([]);
    expect(cancelled.length).toBeGreaterThan(0);
    expect(new Set(seen).size).toBe(seen.length);
    // One that was asked to stop may have been claimed and not begun.
    const asked = new Set([...answers].flatMap(([key, answer]) => (answer === 'signalled' ? [key] : [])));
    const left = Array.from({ length: count }, (_, at) => `k${at}`).filter((key) => !seen.includes(key));
    expect(left.filter((key) => !asked.has(key)).toSorted()).toEqual(cancelled.toSorted());
  });

  it('are not said to be cancelled by one who comes while a relay has them in hand, and then run', async () => {
    await using writer = await start(database, { worker: false });
    await using worker = await start(database, { fleet: writer.fleet });
    const gate = new Gate();
    const { add } = worker.broker.executions;
    let isAdding = false;
    worker.broker.executions.add = async (executions) => {
      isAdding = true;
      await gate.passed;
      return add.call(worker.broker.executions, executions);
    };
    await inTransaction(database, ({ handle }) =>
      writer.queue.add(writer.orders.process, { key: 'in hand', transaction: handle })('in hand'),
    );
    await until(() => isAdding, 'the relay');
    let answer: string | undefined;
    const cancelling = writer.queue.cancel('in hand').then((said) => (answer = said));
    await during(150, () => expect(answer).toBeUndefined());
    gate.pass();
    await cancelling;
    await worker.queue.runUntilFinished();
    expect(worker.orders.seen).toEqual(answer === 'cancelled' ? [] : ['in hand']);
  });
});
