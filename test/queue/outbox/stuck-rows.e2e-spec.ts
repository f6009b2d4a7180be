import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { inTransaction, openOutboxDatabase, OUTBOXES, type TestDatabase } from '../../support/outbox-databases.js';
import { startQueue, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

@Injectable()
class Orders {
  readonly seen: string[] = [];

  @Durable('stuck.process')
  process(id: string): void {
    this.seen.push(id);
  }
}

const PAIRS = OUTBOXES.flatMap((kind, at) => {
  const broker = BROKERS[at % BROKERS.length];
  return broker === undefined ? [] : [[kind, broker.label, broker] as const];
});

describe.each(PAIRS)('a row that cannot be relayed, from %s to %s', (kind, _label, broker) => {
  const space = brokerSpace(broker);
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  async function start(options: QueueContextOptions = {}) {
    const test = await startQueue(
      space,
      { providers: [Orders] },
      { outbox: { database: database.database }, ...options },
    );
    const { seen, process } = test.context.get(Orders);
    const write = (...rows: readonly (readonly [key: string, id: string])[]) =>
      inTransaction(database, async ({ handle }) => {
        for (const [key, id] of rows) await test.queue.replace(process, { key, when: 0, transaction: handle })(id);
      });
    return { ...test, seen, write };
  }

  it('for the broker refuses it stays with its error, holds back its own key only, and goes on when that is mended', async () => {
    await using test = await start();
    const { queue, broker: inner, seen } = test;
    const { replace } = inner.executions;
    inner.executions.replace = (execution) =>
      execution.key === 'bad'
        ? Promise.reject(new Error('the broker refuses it'))
        : replace.call(inner.executions, execution);
    await test.write(['bad', 'bad 1'], ['good', 'good 1'], ['bad', 'bad 2'], ['other', 'other 1']);
    await until(() => seen.length === 2, 'the others');
    expect(seen.toSorted()).toEqual(['good 1', 'other 1']);
    await until(async () => (await queue.get('bad'))?.error !== undefined, 'the error');
    expect(await queue.get('bad')).toMatchObject({ args: ['bad 1'], error: { message: 'the broker refuses it' } });
    // Written later: behind the one of its key, past it for others.
    await test.write(['bad', 'bad 3'], ['later', 'later 1']);
    await until(() => seen.includes('later 1'), 'the later one');
    await until(() => queue.counts.notRelayed >= 2, 'another try');
    expect(seen.filter((id) => id.startsWith('bad'))).toEqual([]);
    // Once a minute.
    const lines = test.logs.matching('stays in the outbox');
    expect(lines).toEqual([expect.stringContaining('stuck.process')]);
    expect(lines[0]).toMatch(/\bbad\b.*the broker refuses it/);
    expect((await queue.stats()).outbox?.waiting).toBe(3);

    inner.executions.replace = replace;
    await until(async () => (await queue.stats()).outbox?.waiting === 0, 'the relay', 10_000);
    await queue.runUntilFinished();
    // Each replaces the one before, unless that runs or has run.
    const bad = seen.filter((id) => id.startsWith('bad'));
    expect(bad.at(-1)).toBe('bad 3');
    expect(bad).toEqual(bad.toSorted());
  });

  it('for it is unreadable stays, holds back its own key only, and goes on when it is mended', async () => {
    const fleet = space.newQueue();
    {
      await using writer = await start({ fleet, worker: false });
      await writer.write(['torn', 'torn 1'], ['whole', 'whole 1'], ['torn', 'torn 2']);
      await database.query(
        `UPDATE nestjs_tasks_outbox SET body = REPLACE(body, '"operation"', '"by hand"') WHERE body LIKE '%torn 1%'`,
      );
    }
    await using test = await start({ fleet });
    await until(() => test.seen.includes('whole 1'), 'the other');
    await until(() => test.queue.counts.notRelayed > 0, 'the failure');
    expect(test.logs.matching('stays in the outbox')).toEqual([expect.stringContaining('it is unreadable')]);
    expect(test.seen).toEqual(['whole 1']);
    await database.query(`UPDATE nestjs_tasks_outbox SET body = REPLACE(body, '"by hand"', '"operation"')`);
    await until(() => test.seen.includes('torn 2'), 'the mended one');
    await test.queue.runUntilFinished();
    expect(test.seen.findLast((id) => id.startsWith('torn'))).toBe('torn 2');
    await until(async () => (await test.queue.stats()).outbox?.waiting === 0, 'the relay');
  });
});
