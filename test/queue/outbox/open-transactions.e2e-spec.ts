import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import mysql from 'mysql2/promise';
import { Durable, TasksConfigError } from 'nestjs-tasks';
import { Outbox } from '../../../lib/queue/broker/outbox/outbox.js';
import { fromMysql2 } from '../../../lib/outbox/index.js';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import {
  connectOutboxDatabase,
  inTransaction,
  openOutboxDatabase,
  OUTBOX_SERVERS,
  type TestConnections,
  type TestDatabase,
} from '../../support/outbox-databases.js';
import { startQueue, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

/** Longest time of a statement that waits for nobody, on a busy machine. The other transaction stays open for longer. */
const PROMPT = { timeout: '5s' } as const;

@Injectable()
class Orders {
  readonly seen: string[] = [];

  @Durable('orders.process')
  process(id: string): void {
    this.seen.push(id);
  }
}

/** The first is in memory, for which rows are held; for all others, they are deleted. */
const PAIRS = OUTBOX_SERVERS.flatMap((kind) =>
  BROKERS.slice(0, 2).map((broker) => [kind, broker.label, broker] as const),
);

describe.each(PAIRS)('an open transaction on %s, relayed to %s', (kind, _label, broker) => {
  const space = brokerSpace(broker);
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  async function start(connections: TestConnections = database, options: QueueContextOptions = {}) {
    const outbox = { database: connections.database };
    const test = await startQueue(space, { providers: [Orders] }, { outbox, lease: 1_000, ...options });
    const { seen, process } = test.context.get(Orders);
    const write = (id: string) =>
      inTransaction(connections, ({ handle }) => test.queue.add(process, { key: id, transaction: handle })(id));
    return { ...test, seen, process, write };
  }

  it.each(['REPEATABLE READ', 'SERIALIZABLE'] as const)(
    'with rows, %s, holds up no relay, no commit and no cancellation of others',
    async (isolation) => {
      await using test = await start();
      const { queue, process } = test;
      const first = await test.write('before');
      await first.result(PROMPT);
      // Rows of the open transaction lie before, between and after those of others.
      await using open = await database.begin(isolation);
      await open.run('SELECT * FROM orders');
      await queue.add(process, { key: 'open 1', transaction: open.handle })('open 1');
      const second = await test.write('second');
      await queue.add(process, { key: 'open 2', transaction: open.handle })('open 2');
      const third = await test.write('third');
      await second.result(PROMPT);
      await third.result(PROMPT);
      // A batch of several rows with a gap.
      const many = await Promise.all(
        Array.from({ length: 20 }, async (_, at) => {
          if (at % 5 === 0) await queue.add(process, { key: `open m${at}`, transaction: open.handle })(`open m${at}`);
          return test.write(`many ${at}`);
        }),
      );
      await Promise.all(many.map((execution) => execution.result(PROMPT)));
      // Later than a look that tidies up.
      await until(async () => (await queue.stats()).outbox?.waiting === 0, 'the relay', 2_000);
      await open.commit();
      await until(() => test.seen.includes('open m15'), 'the rows of the transaction');
      expect(test.seen.toSorted()).toEqual(
        [
          'before',
          'second',
          'third',
          'open 1',
          'open 2',
          ...[0, 5, 10, 15].map((at) => `open m${at}`),
          ...many.map(({ key }) => key),
        ].toSorted(),
      );
      expect(test.logs.matching('Outbox not relayed')).toEqual([]);
    },
  );

  it('leaves the rows of others to be cancelled', async () => {
    await using test = await start(database, { worker: false });
    const { queue, process } = test;
    await using open = await database.begin('REPEATABLE READ');
    await queue.add(process, { key: 'cancel open', transaction: open.handle })('open');
    const other = await test.write('cancel other');
    const begun = performance.now();
    expect(await queue.cancel('cancel other')).toBe('cancelled');
    expect(await queue.cancel('cancel open')).toBe('not-found');
    expect(performance.now() - begun).toBeLessThan(2_000);
    await open.rollback();
    await expect(other.result(PROMPT)).rejects.toThrow('queue.cancel() was called');
  });

  it('holds up no application that boots, relays or ends', async () => {
    await using writer = await start(database, { worker: false });
    await using open = await database.begin('SERIALIZABLE');
    await writer.queue.add(writer.process, { key: 'boot open', transaction: open.handle })('boot open');
    await writer.write('boot other');
    await using connections = connectOutboxDatabase(kind, database.address);
    {
      await using booted = await start(connections, { fleet: writer.fleet });
      await until(() => booted.seen.includes('boot other'), 'the relay', 4_000);
    }
    const begun = performance.now();
    {
      await using _ = await start(connections, { fleet: writer.fleet });
    }
    expect(performance.now() - begun).toBeLessThan(2_000);
    await open.rollback();
  });

  it('ends no other in a deadlock: a hundred with three tasks each', async () => {
    await using test = await start();
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let at = 0; at < 13; at += 1) {
        await inTransaction(database, async ({ handle }) => {
          for (const part of [0, 1, 2])
            await test.queue.add(test.process, { transaction: handle })(`${writer}/${at}/${part}`);
        });
      }
    });
    await Promise.all(writers);
    await until(() => test.seen.length === 312, 'the last');
    expect(new Set(test.seen).size).toBe(312);
  });

  it('are all that there is on MySQL without autocommit, which is refused', async () => {
    if (kind !== 'mysql') return expect(kind).toBe('postgres');
    const pool = mysql.createPool({ uri: process.env['TASKS_TEST_MYSQL_URL'] ?? '' });
    pool.on('connection', (connection) => void connection.query('SET autocommit = 0'));
    const opened = new Outbox(fromMysql2(pool), 'fleet', true).open();
    await expect(opened).rejects.toThrow(TasksConfigError);
    await expect(opened).rejects.toThrow('autocommit = 0');
    await pool.end();
  });
});
