import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import { Outbox } from '../../../lib/queue/broker/outbox/outbox.js';
import { brokerSpace } from '../../support/brokers.js';
import { inTransaction, openOutboxDatabase, OUTBOXES, type TestDatabase } from '../../support/outbox-databases.js';
import { startQueue } from '../../support/queue-context.js';

@Injectable()
class Orders {
  readonly sizes: number[] = [];

  @Durable('orders.note')
  note(text: string): void {
    this.sizes.push(text.length);
  }
}

describe.each(OUTBOXES)('Batches of the outbox: %s', (kind) => {
  const space = brokerSpace({ label: 'memory', url: 'memory://', isShared: false });
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  it('end with the row that reaches their size, and are followed by others', async () => {
    const fleet = space.newQueue();
    await using writer = await startQueue(
      space,
      { providers: [Orders] },
      { fleet, worker: false, outbox: { database: database.database } },
    );
    const text = 'ä'.repeat(400_000); // 800 kB
    await inTransaction(database, async ({ handle }) => {
      for (let at = 0; at < 25; at += 1) await writer.queue.add('orders.note', { transaction: handle })(text);
    });
    const { relay } = new Outbox(database.database, `${space.prefix}/${fleet}`, true);
    expect(await relay.take('here', 10_000)).toBe(true);
    const claimed = await relay.claim('here', { rows: 500, bytes: 2_000_000 });
    expect(claimed).toHaveLength(3);
    expect(claimed.map(({ size }) => size > 800_000)).toEqual([true, true, true]);
    expect(await relay.claim('here', { rows: 2, bytes: 2_000_000 })).toHaveLength(2);
    await relay.leave('here');

    await using worker = await startQueue(
      space,
      { providers: [Orders] },
      { fleet, outbox: { database: database.database } },
    );
    await worker.queue.runUntilFinished();
    expect(worker.context.get(Orders).sizes).toEqual(Array.from({ length: 25 }, () => 400_000));
  });
});
