import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TasksConfigError } from 'nestjs-tasks';
import { resolveQueueOptions } from '../../../lib/queue/queue-options.js';
import { Gate } from '../../support/app.js';
import { BROKERS, brokerSpace, type BrokerKind } from '../../support/brokers.js';
import { inTransaction, openOutboxDatabase, OUTBOXES, type TestDatabase } from '../../support/outbox-databases.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

@Injectable()
class Orders {
  readonly seen: string[] = [];
  readonly go = new Gate();

  @Durable('shutdown.process')
  async process(id: string): Promise<string> {
    this.seen.push(id);
    await this.go.passed;
    return id;
  }
}

const MEMORY = BROKERS.find(({ isShared }) => !isShared);

describe.each(OUTBOXES.filter((kind) => kind === 'postgres'))('The end of a relay: %s', (kind) => {
  const space = brokerSpace(MEMORY as BrokerKind);
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  it('wakes the next process, which runs what the first had in its memory', async () => {
    const outbox = { database: database.database };
    const first = await startQueue(space, { providers: [Orders] }, { outbox, concurrency: 1 });
    const orders = first.context.get(Orders);
    const heard: string[] = [];
    const stop = await database.database.listen?.(
      'nestjs_tasks_outbox',
      // Other tests have fleets on the same channel.
      (fleet) => fleet === `${space.prefix}/${first.fleet}` && heard.push(fleet),
      () => {},
    );
    await inTransaction(database, async ({ handle }) => {
      for (const id of ['a', 'b', 'c']) await first.queue.add(orders.process, { transaction: handle })(id);
    });
    await until(() => orders.seen.length === 1 && heard.length > 0, 'the start');
    const before = heard.length;
    const closed = first.context.close();
    orders.go.pass();
    await closed;
    await until(() => heard.length > before, 'the call');
    expect(orders.seen).toContain('a');
    await using next = await startQueue(space, { providers: [Orders] }, { outbox, fleet: first.fleet });
    const rest = next.context.get(Orders);
    rest.go.pass();
    await until(async () => (await next.queue.stats()).outbox?.waiting === 0, 'the rest');
    await until(() => ['b', 'c'].every((id) => [...orders.seen, ...rest.seen].includes(id)), 'the rest');
    await stop?.();
  });
});

describe('queue.outbox', () => {
  it.each([
    ['null', null],
    ['without a database', {}],
    ['with null', { database: null }],
    ['with a url', { database: 'postgres://u:hunter2@db/shop' }],
    ['with a pool', { database: { query: () => {}, connect: () => {} } }],
  ])('is refused %s, without its value', (_what, outbox) => {
    const resolve = () => resolveQueueOptions({ outbox: outbox as never });
    expect(resolve).toThrow(TasksConfigError);
    expect(resolve).not.toThrow(/hunter2/);
  });
});
