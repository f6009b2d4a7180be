import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import mysql from 'mysql2/promise';
import { Durable, TasksConfigError } from 'nestjs-tasks';
import { Outbox } from '../../../lib/queue/broker/outbox/outbox.js';
import { fromMysql2 } from '../../../lib/outbox/index.js';
import { BROKERS, brokerSpace, type BrokerKind } from '../../support/brokers.js';
import { inTransaction, openOutboxDatabase, OUTBOXES, type TestDatabase } from '../../support/outbox-databases.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

@Injectable()
class Orders {
  readonly seen: string[] = [];

  @Durable('open.process')
  process(id: string): string {
    this.seen.push(id);
    return id;
  }
}

// SQLite has one writer at a time.
const SERVERS = OUTBOXES.filter((kind) => kind !== 'sqlite');
const MEMORY = BROKERS.find(({ isShared }) => !isShared);

describe.each(SERVERS)('Transactions that are open while others commit: %s', (kind) => {
  const space = brokerSpace(MEMORY as BrokerKind);
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  async function start() {
    const test = await startQueue(space, { providers: [Orders] }, { outbox: { database: database.database } });
    const orders = test.context.get(Orders);
    const add = (id: string, handle: object) => test.queue.add(orders.process, { transaction: handle })(id);
    return { ...test, orders, add };
  }

  it('hold up neither the relay nor a writer', async () => {
    await using test = await start();
    const open = await database.begin();
    const last = await test.add('open', open.handle);
    for (const id of ['a', 'b', 'c']) {
      const execution = await inTransaction(database, ({ handle }) => test.add(id, handle));
      await execution.result({ timeout: '10s' });
    }
    expect(test.orders.seen).toEqual(['a', 'b', 'c']);
    const also = await test.add('also', open.handle);
    await open.commit();
    await Promise.all([last, also].map((execution) => execution.result({ timeout: '10s' })));
    expect(test.orders.seen).toEqual(['a', 'b', 'c', 'open', 'also']);
    await until(async () => (await test.queue.stats()).outbox?.waiting === 0, 'the relay');
  });

  it('end each other in no deadlock, a hundred with three tasks each', async () => {
    await using test = await start();
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let at = 0; at < 13; at += 1) {
        await inTransaction(database, async ({ handle }) => {
          for (let part = 0; part < 3; part += 1) await test.add(`${writer}/${at}/${part}`, handle);
        });
      }
    });
    await Promise.all(writers);
    await until(() => test.orders.seen.length === 312, 'the last');
    expect(new Set(test.orders.seen).size).toBe(312);
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
