import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConsoleLogger, Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Durable, TaskQueue, TasksModule } from 'nestjs-tasks';
import { TestQueue } from 'nestjs-tasks/testing';
import { inTransaction, openOutboxDatabase, OUTBOXES, type TestDatabase } from '../../support/outbox-databases.js';

@Injectable()
class Orders {
  readonly seen: string[] = [];
  /** Comes within a run. */
  next: (() => Promise<unknown>) | undefined;

  @Durable('test.process')
  async process(id: string): Promise<string> {
    this.seen.push(id);
    const { next } = this;
    this.next = undefined;
    await next?.();
    return id;
  }
}

describe.each(OUTBOXES)('TestQueue in an application with an outbox: %s', (kind) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  async function start() {
    const outbox = { database: database.database };
    const builder = Test.createTestingModule({
      imports: [TasksModule.forRoot({ queue: { outbox } })],
      providers: [Orders],
    });
    const test = TestQueue.install(builder);
    const module = await builder.compile();
    await module.init();
    const orders = module.get(Orders);
    const queue = module.get(TaskQueue);
    const add = (id: string, handle: object, when = 0) => queue.add(orders.process, { when, transaction: handle })(id);
    return { test, orders, queue, add, module, [Symbol.asyncDispose]: () => module.close() };
  }

  const rows = () => database.query('SELECT fleet FROM nestjs_tasks_outbox');

  it('records an addition once it has committed, and runs it when the test says so', async () => {
    await using context = await start();
    const { test, orders, add } = context;
    const transaction = await database.begin();
    const execution = await add('a', transaction.handle);
    // On SQLite, the relay would wait for the end of the transaction.
    if (kind !== 'sqlite') await test.relay();
    test.expectNothingAdded();
    await transaction.commit();
    await test.relay();
    test.expectAdded(orders.process, { args: ['a'], times: 1 });
    expect(orders.seen).toEqual([]);
    await test.runUntilFinished();
    expect(orders.seen).toEqual(['a']);
    expect(await execution.result()).toBe('a');
  });

  it('records nothing that was rolled back', async () => {
    await using context = await start();
    const transaction = await database.begin();
    await context.add('b', transaction.handle);
    await transaction.rollback();
    await context.test.runUntilFinished();
    expect(context.test.added).toEqual([]);
  });

  it('runs a later one when the clock has come to its time', async () => {
    await using context = await start();
    const { test, orders, add } = context;
    await inTransaction(database, ({ handle }) => add('c', handle, 3_600_000));
    await test.advance('59m');
    expect(orders.seen).toEqual([]);
    await test.advance('1m');
    expect(orders.seen).toEqual(['c']);
  });

  it('runs what a run has added in a transaction', async () => {
    await using context = await start();
    const { test, orders, add } = context;
    orders.next = () => inTransaction(database, ({ handle }) => add('second', handle));
    await inTransaction(database, ({ handle }) => add('first', handle));
    await test.runUntilFinished();
    expect(orders.seen).toEqual(['first', 'second']);
    orders.next = () => inTransaction(database, ({ handle }) => add('fourth', handle));
    await inTransaction(database, ({ handle }) => add('third', handle));
    await test.advance(0);
    expect(orders.seen).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('relays by itself from start() on', async () => {
    await using context = await start();
    context.test.start();
    const execution = await inTransaction(database, ({ handle }) => context.add('d', handle));
    expect(await execution.result({ timeout: '10s' })).toBe('d');
  });

  it('needs no database where nothing is added in a transaction', async () => {
    const down = () => Promise.reject(new Error('no database'));
    const outbox = { database: { ...database.database, query: down, execute: down } };
    const builder = Test.createTestingModule({
      imports: [TasksModule.forRoot({ queue: { outbox } })],
      providers: [Orders],
    });
    const test = TestQueue.install(builder);
    const module = await builder.setLogger(new ConsoleLogger('Tasks', { logLevels: ['error'] })).compile();
    await module.init();
    await module.get(TaskQueue).add(module.get(Orders).process)('plain');
    await test.runUntilFinished();
    expect(module.get(Orders).seen).toEqual(['plain']);
    await module.close();
  });

  it('leaves the rows of other tests alone, and none of its own', async () => {
    const first = await start();
    const second = await start();
    await inTransaction(database, ({ handle }) => first.add('e', handle));
    await second.test.runUntilFinished();
    second.test.expectNothingAdded();
    expect(await rows()).toHaveLength(1);
    await first.module.close();
    await second.module.close();
    expect(await rows()).toEqual([]);
  });
});
