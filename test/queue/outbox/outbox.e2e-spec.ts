import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  Durable,
  ResultTimeoutError,
  TaskArgumentError,
  TaskContext,
  TasksConfigError,
  type Execution,
} from 'nestjs-tasks';
import { firstValueFrom, toArray } from 'rxjs';
import { Gate } from '../../support/app.js';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { inTransaction, openOutboxDatabase, OUTBOXES, type TestDatabase } from '../../support/outbox-databases.js';
import { startQueue, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

@Injectable()
class Orders {
  readonly seen: unknown[] = [];
  readonly outcomes: unknown[] = [];
  readonly go = new Gate();

  constructor(private readonly context: TaskContext) {}

  @Durable('orders.process')
  process(id: string): string {
    this.seen.push(id);
    return `processed ${id}`;
  }

  @Durable('orders.hold')
  async hold(id: string): Promise<string> {
    this.seen.push(id);
    await this.go.passed;
    return `held ${id}`;
  }

  @Durable('orders.finish')
  finish(): number {
    this.outcomes.push(
      ...this.context.outcomes.map((outcome) => [
        outcome.status,
        outcome.status === 'succeeded' ? outcome.value : undefined,
      ]),
    );
    return this.outcomes.length;
  }
}

/** Each database with memory, and each other broker with one database. All nine with TASKS_TEST_OUTBOX_PAIRS=all. */
const PAIRS = OUTBOXES.flatMap((kind, at) =>
  BROKERS.filter((_, other) => other === 0 || other === at || process.env['TASKS_TEST_OUTBOX_PAIRS'] === 'all').map(
    (broker) => [kind, broker.label, broker] as const,
  ),
);

describe.each(PAIRS)('Outbox: %s, relayed to %s', (kind, _label, broker) => {
  const space = brokerSpace(broker);
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  async function start(options: QueueContextOptions = {}) {
    const outbox = { database: database.database };
    const test = await startQueue(space, { providers: [Orders] }, { outbox, ...options });
    return { ...test, orders: test.context.get(Orders) };
  }

  let orders = 0;
  function insertOrder(): string {
    orders += 1;
    return `INSERT INTO orders (id) VALUES ('o${orders}')`;
  }

  it('runs a task when the transaction has committed, and not before', async () => {
    await using test = await start();
    const transaction = await database.begin();
    await transaction.run(insertOrder());
    const execution = await test.queue.add(test.orders.process, { transaction: transaction.handle })('a');
    expect(execution).toMatchObject({ disposition: 'scheduled', state: 'queued', key: execution.id });
    expect(test.orders.seen).toEqual([]);
    // On SQLite, a look would wait for the only connection.
    if (kind !== 'sqlite')
      expect(await execution.refresh()).toMatchObject({
        reason: 'written in a transaction that may not have committed yet',
      });
    await transaction.commit();
    expect(await execution.result({ timeout: '10s' })).toBe('processed a');
    // On SQLite, a look would wait for the only connection.
    if (kind !== 'sqlite')
      expect(await execution.refresh()).toMatchObject({ state: 'completed', disposition: 'scheduled' });
    expect(test.orders.seen).toEqual(['a']);
    // The task may end before the relay has deleted its row.
    const stats = await until(async () => {
      const { outbox } = await test.queue.stats();
      return outbox?.waiting === 0 && outbox;
    }, 'the end of the relay');
    expect(stats).toEqual({ waiting: 0, oldestWait: undefined });
    expect(test.queue.counts).toMatchObject({ added: 1, relayed: 1, notRelayed: 0 });
  });

  it('adds one statement to the transaction', async () => {
    if (kind === 'sqlite') return; // it has no connection to count on
    await using test = await start({ worker: false });
    await inTransaction(database, async ({ handle }) => {
      // A promise connection of mysql2 has another one within. Before, it is asked whether a transaction is open.
      const { connection = handle } = handle as { connection?: object };
      const statements =
        kind === 'mysql'
          ? jest.spyOn(connection as { execute(options: unknown): unknown }, 'execute')
          : jest.spyOn(handle as { query(options: unknown): unknown }, 'query');
      await test.queue.add(test.orders.process, { transaction: handle })('j');
      expect(statements).toHaveBeenCalledTimes(1);
    });
    await test.queue.clear();
  });

  it('writes within a synchronous transaction, before that ends', async () => {
    if (kind !== 'sqlite') return; // the others have none
    await using test = await start();
    const { handle, rollback } = await database.begin();
    await rollback();
    const sqlite = handle as { exec(sql: string): void; transaction(work: () => void): () => void };
    let adding: Promise<Execution<string>> | undefined;
    const place = sqlite.transaction(() => {
      sqlite.exec(insertOrder());
      adding = test.queue.add(test.orders.process, { transaction: handle })('sync');
    });
    place();
    expect(await (await adding)?.result({ timeout: '10s' })).toBe('processed sync');
    const failing = sqlite.transaction(() => {
      adding = test.queue.add(test.orders.process, { key: 'order:never', transaction: handle })('never');
      throw new Error('no stock');
    });
    expect(failing).toThrow('no stock');
    await adding;
    expect(await test.queue.get('order:never')).toBeUndefined();
    expect(test.orders.seen).toEqual(['sync']);
  });

  it('knows nothing of a transaction that was rolled back', async () => {
    await using test = await start();
    const transaction = await database.begin();
    await transaction.run(insertOrder());
    const execution = await test.queue.add(test.orders.process, {
      key: 'order:b',
      transaction: transaction.handle,
    })('b');
    await transaction.rollback();
    const late = execution.result({ timeout: 300 });
    await expect(late).rejects.toThrow(ResultTimeoutError);
    await expect(late).rejects.toThrow('Its transaction has not committed, or was rolled back.');
    expect(await test.queue.get('order:b')).toBeUndefined();
    expect(test.orders.seen).toEqual([]);
    // The same key is free.
    const next = await inTransaction(database, ({ handle }) =>
      test.queue.add(test.orders.process, { key: 'order:b', transaction: handle })('c'),
    );
    expect(await next.result({ timeout: '10s' })).toBe('processed c');
  });

  it('says already-scheduled of a key that is taken when the row arrives, and shows the execution that has it', async () => {
    await using test = await start();
    const first = await test.queue.add(test.orders.hold, { key: 'order:d' })('first');
    const second = await inTransaction(database, ({ handle }) =>
      test.queue.add(test.orders.hold, { key: 'order:d', transaction: handle })('second'),
    );
    await until(() => test.queue.counts.alreadyScheduled === 1, 'the relay');
    await until(async () => (await second.refresh()).disposition === 'already-scheduled', 'the disposition');
    expect(second.id).toBe(first.id);
    const line = `Execution orders.hold (order:d) from the outbox was not added: its key is taken by execution ${first.id}`;
    expect(test.logs.lines).toContain(`log ${line} Tasks`);
    test.orders.go.pass();
    expect(await second.result({ timeout: '10s' })).toBe('held first');
    expect(test.orders.seen).toEqual(['first']);
  });

  it('replaces what is scheduled under the key', async () => {
    await using test = await start();
    const old = await test.queue.add(test.orders.process, { key: 'order:e', when: '1h' })('old');
    const fresh = await inTransaction(database, ({ handle }) =>
      test.queue.replace(test.orders.process, { key: 'order:e', when: 0, transaction: handle })('new'),
    );
    expect(await fresh.result({ timeout: '10s' })).toBe('processed new');
    await expect(old.result()).rejects.toThrow('queue.replace() was called');
    expect(test.orders.seen).toEqual(['new']);
  });

  it('drops what a strike forbids when it arrives', async () => {
    await using test = await start();
    await test.queue.strike(test.orders.process, 'id', '==', 'struck');
    const execution = await inTransaction(database, ({ handle }) =>
      test.queue.add(test.orders.process, { key: 'order:f', transaction: handle })('struck'),
    );
    await expect(execution.result({ timeout: '10s' })).rejects.toThrow('was dropped: struck');
    expect(execution).toMatchObject({ state: 'dropped', disposition: 'struck' });
    await test.queue.restore(test.orders.process, 'id', '==', 'struck');
  });

  it('runs a fan-in after executions of the same transaction', async () => {
    await using test = await start();
    const finish = await inTransaction(database, async ({ handle }) => {
      const parts = [
        await test.queue.add(test.orders.process, { transaction: handle })('g1'),
        await test.queue.add(test.orders.process, { transaction: handle })('g2'),
      ];
      return test.queue.after(parts).add(test.orders.finish, { transaction: handle })();
    });
    expect(await finish.result({ timeout: '20s' })).toBe(2);
    expect(test.orders.outcomes).toEqual([
      ['succeeded', 'processed g1'],
      ['succeeded', 'processed g2'],
    ]);
  });

  it('refuses a fan-in that a transaction has not written, over executions that it has', async () => {
    await using test = await start();
    const transaction = await database.begin();
    const part = await test.queue.add(test.orders.process, { key: 'order:h', transaction: transaction.handle })('h');
    // On SQLite, a look would wait for the only connection.
    if (kind !== 'sqlite')
      await expect(test.queue.after([part]).add(test.orders.finish)()).rejects.toThrow(
        'executions of task orders.finish is execution order:h, whose transaction has not committed.',
      );
    await transaction.commit();
    await until(async () => (await part.refresh()).state === 'completed', 'the end');
    const finish = await test.queue.after([part]).add(test.orders.finish)();
    expect(await finish.result({ timeout: '20s' })).toBe(1);
  });

  it('scatters an agenda', async () => {
    await using test = await start();
    const agenda = test.queue.agenda();
    for (let at = 0; at < 450; at += 1) agenda.add(test.orders.process)(`s${at}`);
    const executions = await inTransaction(database, ({ handle }) => agenda.scatter({ over: 1, transaction: handle }));
    await Promise.all(executions.map((execution) => execution.result({ timeout: '30s' })));
    expect(test.orders.seen.toSorted()).toEqual(Array.from({ length: 450 }, (_, at) => `s${at}`).toSorted());
  });

  it.each([
    ['null', () => null],
    ['an empty object', () => ({})],
    ['a text', () => 'tx'],
    ['the root client', () => database.root],
  ])('refuses %s for a transaction, and says what to pass', async (_what, value) => {
    await using test = await start();
    const adding = test.queue.add(test.orders.process, { transaction: value() as object })('x');
    await expect(adding).rejects.toThrow(TaskArgumentError);
    await expect(adding).rejects.toThrow(`Allowed: ${database.database.transactions}.`);
    expect(test.orders.seen).toEqual([]);
  });

  it('refuses a transaction that is over', async () => {
    await using test = await start();
    const transaction = await database.begin();
    await transaction.commit();
    const adding = test.queue.add(test.orders.process, { transaction: transaction.handle })('x');
    await expect(adding).rejects.toThrow(TaskArgumentError);
  });

  it('refuses a transaction of another database by name', async () => {
    await using test = await start();
    await using other = await openOutboxDatabase(kind);
    await using elsewhere = await startQueue(space, { providers: [Orders] }, { outbox: { database: other.database } });
    const transaction = await other.begin();
    const adding = test.queue.add(test.orders.process, { transaction: transaction.handle })('x');
    const error = await adding.catch((refusal: unknown) => refusal);
    await transaction.rollback();
    expect(error).toBeInstanceOf(TaskArgumentError);
    // With SQLite, the database itself stands for its transaction: another one is another object.
    const allowed =
      kind === 'sqlite'
        ? database.database.transactions
        : 'an open transaction of the database that queue.outbox names';
    expect((error as Error).message).toContain(`Allowed: ${allowed}.`);
    expect(elsewhere.context.get(Orders).seen).toEqual([]);
  });

  it('emits the states of an execution from the commit on', async () => {
    await using test = await start();
    const execution = await inTransaction(database, ({ handle }) =>
      test.queue.add(test.orders.process, { transaction: handle })('i'),
    );
    const events = await firstValueFrom(execution.events$.pipe(toArray()));
    expect(events.at(-1)).toMatchObject({ state: 'completed', name: 'orders.process' });
  });

  describe('without a worker', () => {
    it('finds, counts and cancels what waits', async () => {
      await using test = await start({ worker: false });
      const [kept, cancelled, byHandle] = await inTransaction(database, async ({ handle }) => [
        await test.queue.add(test.orders.process, { key: 'order:k', transaction: handle })('k'),
        await test.queue.add(test.orders.process, { key: 'order:l', transaction: handle })('l'),
        await test.queue.add(test.orders.process, { key: 'order:m', transaction: handle })('m'),
      ]);
      const found = await test.queue.get('order:k');
      expect(found).toMatchObject({
        id: kept?.id,
        state: 'queued',
        reason: 'waiting in the outbox for a worker to relay it',
      });
      expect(found?.args).toEqual(['k']);
      const { outbox } = await test.queue.stats();
      expect(outbox?.waiting).toBe(3);
      expect(outbox?.oldestWait).toBeLessThan(10_000);
      expect(await test.queue.cancel('order:l')).toBe('cancelled');
      expect(await test.queue.cancel('order:l')).toBe('not-found');
      await expect(cancelled?.result({ timeout: '5s' })).rejects.toThrow('queue.cancel() was called');
      expect(await byHandle?.cancel('no more')).toBe('cancelled');
      await expect(byHandle?.result({ timeout: '5s' })).rejects.toThrow('no more');
      expect((await test.queue.stats()).outbox?.waiting).toBe(1);
      expect(await test.queue.clear()).toBe(1);
      await expect(kept?.result({ timeout: '5s' })).rejects.toThrow('queue.clear() was called');
    });
  });

  it('keeps what no worker has relayed, for the next one', async () => {
    const fleet = space.newQueue();
    {
      await using test = await start({ fleet, worker: false });
      await inTransaction(database, ({ handle }) =>
        test.queue.add(test.orders.process, { key: 'order:n', transaction: handle })('n'),
      );
    }
    await using test = await start({ fleet });
    await until(() => test.orders.seen.includes('n'), 'the run');
    await test.queue.runUntilFinished();
    expect((await test.queue.get('order:n'))?.state).toBe('completed');
  });
});

describe('Without an outbox', () => {
  const space = brokerSpace(BROKERS[0]!);

  it('refuses a transaction, and names the option', async () => {
    await using test = await startQueue(space, { providers: [Orders] });
    const adding = test.queue.add(test.context.get(Orders).process, { transaction: {} })('x');
    await expect(adding).rejects.toThrow(TasksConfigError);
    await expect(adding).rejects.toThrow('queue.outbox');
    expect(await test.queue.stats()).not.toHaveProperty('outbox');
  });
});
