import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS, type BrokerSpace } from '../../support/brokers.js';
import {
  connectOutboxDatabase,
  inTransaction,
  openOutboxDatabase,
  OUTBOX_SERVERS,
  OUTBOXES,
  outboxUrl,
  type TestConnections,
  type TestDatabase,
} from '../../support/outbox-databases.js';
import { startQueue, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';
import { Proxy } from '../faults/proxy.js';

jest.setTimeout(60_000);

/** Time of a commit that waits for nobody, on a busy machine. */
const PROMPT = 1_500;
const ROWS = 30;

@Injectable()
class Orders {
  readonly seen: number[] = [];

  @Durable('outages.process')
  process(number: number): void {
    this.seen.push(number);
  }
}

/** The same part of the broker, through a proxy. */
function behind(space: BrokerSpace, { url }: Proxy): BrokerSpace {
  return Object.assign(Object.create(space) as BrokerSpace, { kind: { ...space.kind, url } });
}

async function start(space: BrokerSpace, connections: TestConnections, options: QueueContextOptions = {}) {
  const outbox = { database: connections.database };
  const test = await startQueue(space, { providers: [Orders] }, { outbox, lease: 1_000, concurrency: 1, ...options });
  const { seen, process } = test.context.get(Orders);
  /** Returns the longest time that a transaction took. */
  const write = async (from: number): Promise<number> => {
    let longest = 0;
    for (let number = from; number < from + ROWS; number += 1) {
      const begun = performance.now();
      await inTransaction(connections, ({ handle }) => test.queue.add(process, { transaction: handle })(number));
      longest = Math.max(longest, performance.now() - begun);
    }
    return longest;
  };
  return { ...test, seen, write };
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

const BROKER_PAIRS = SHARED_BROKERS.map((broker, at) => {
  const kind = OUTBOXES[at % OUTBOXES.length] ?? 'sqlite';
  return [broker.label, kind, broker] as const;
});

describe.each(BROKER_PAIRS)('an outage of the broker %s, with an outbox in %s', (_label, kind, broker) => {
  const space = brokerSpace(broker);
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  it('holds up no commit, loses nothing, and is told once; rows are relayed in their order after it', async () => {
    await using proxy = await new Proxy(broker.url).open();
    await using test = await start(behind(space, proxy), database);
    await test.write(0);
    await until(() => test.seen.length === ROWS, 'the runs before');
    proxy.cut();
    expect(await test.write(ROWS)).toBeLessThan(PROMPT);
    await until(() => test.logs.matching('Broker unreachable').length > 0, 'the line');
    expect(await test.write(2 * ROWS)).toBeLessThan(PROMPT);
    expect((await database.query('SELECT id FROM nestjs_tasks_outbox')).length).toBe(2 * ROWS);
    expect(test.seen.length).toBe(ROWS);
    await proxy.open();
    await until(() => test.seen.length === 3 * ROWS, 'the runs after', 20_000);
    expect(test.seen.toSorted((a, b) => a - b)).toEqual(numbers(3 * ROWS));
    // One whose claim was answered into the broken connection runs after its lease.
    const late = test.seen.filter((number, at) => number < Math.max(...test.seen.slice(0, at)));
    expect(late.length).toBeLessThanOrEqual(1);
    expect(test.logs.matching('Broker unreachable').length).toBe(1);
    await until(() => test.logs.matching('Broker reachable again').length === 1, 'the line of the end');
    expect(test.queue.counts.notRelayed).toBe(0);
  });

  it('at boot loses nothing', async () => {
    await using proxy = new Proxy(broker.url);
    await using test = await start(behind(space, proxy), database);
    expect(await test.write(0)).toBeLessThan(PROMPT);
    await proxy.open();
    await until(() => test.seen.length === ROWS, 'the runs', 20_000);
    expect(test.seen).toEqual(numbers(ROWS));
  });
});

const DATABASE_PAIRS = OUTBOX_SERVERS.flatMap((kind, at) => {
  const broker = BROKERS[at % BROKERS.length];
  return broker === undefined ? [] : [[kind, broker.label, broker] as const];
});

describe.each(DATABASE_PAIRS)('an outage of the outbox in %s, relayed to %s', (kind, _label, broker) => {
  const space = brokerSpace(broker);
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  it('holds up no plain addition, loses nothing, and is told once', async () => {
    await using proxy = await new Proxy(outboxUrl(kind)).open();
    await using connections = connectOutboxDatabase(kind, database.address, proxy.url);
    // First: there is one log, that of the last application.
    await using writer = await start(space, database, { worker: false });
    await using test = await start(space, connections, { fleet: writer.fleet });
    await writer.write(0);
    await until(() => test.seen.length === ROWS, 'the runs before');
    proxy.cut();
    await until(() => test.logs.matching('Outbox not relayed').length > 0, 'the line');
    await writer.write(ROWS);
    const plain = await test.queue.add(test.context.get(Orders).process)(-1);
    await plain.result({ timeout: '5s' });
    expect(test.seen.length).toBe(ROWS + 1);
    await proxy.open();
    await until(() => test.seen.length === 2 * ROWS + 1, 'the runs after', 20_000);
    expect(test.seen.filter((number) => number >= 0)).toEqual(numbers(2 * ROWS));
    await until(() => test.logs.matching('Outbox relayed again').length > 0, 'the other line');
    expect(test.logs.matching('Outbox not relayed').length).toBe(1);
    expect(test.logs.matching('Outbox relayed again').length).toBe(1);
  });

  it('at boot loses nothing', async () => {
    await using proxy = new Proxy(outboxUrl(kind));
    await using connections = connectOutboxDatabase(kind, database.address, proxy.url);
    // First: there is one log, that of the last application.
    await using writer = await start(space, database, { worker: false });
    await using test = await start(space, connections, { fleet: writer.fleet });
    await writer.write(0);
    await proxy.open();
    await until(() => test.seen.length === ROWS, 'the runs', 20_000);
    expect(test.seen).toEqual(numbers(ROWS));
  });
});
