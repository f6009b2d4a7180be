import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Param } from '@nestjs/common';
import { Durable, TaskArgumentError, TaskQueue, Tasks, TasksService } from 'nestjs-tasks';
import { ADAPTERS, send, startApp } from '../../support/app.js';
import { inTransaction, openOutboxDatabase, type TestDatabase } from '../../support/outbox-databases.js';
import { until } from '../../support/until.js';

const DATABASE = Symbol('DATABASE');

@Injectable()
class OrderTasks {
  readonly seen: string[] = [];

  @Durable('orders.process')
  process(id: string): void {
    this.seen.push(id);
  }
}

@Controller()
class OrdersController {
  constructor(
    @Inject(OrderTasks) private readonly orders: OrderTasks,
    @Inject(DATABASE) private readonly database: TestDatabase,
  ) {}

  @Get('orders/:id')
  order(@Param('id') id: string, @Tasks() tasks: TasksService): Promise<object> {
    return inTransaction(this.database, async ({ handle, run }) => {
      await run(`INSERT INTO orders (id) VALUES ('${id}')`);
      const execution = await tasks.enqueue(this.orders.process, { key: `order:${id}`, transaction: handle })(id);
      if (id === 'bad') throw new Error('no stock');
      return { key: execution.key, disposition: execution.disposition };
    });
  }

  @Get('later')
  later(@Tasks() tasks: TasksService): string {
    const options = { transaction: {} } as object;
    try {
      tasks.afterRoute.enqueue(this.orders.process, options)('x');
    } catch (error) {
      if (error instanceof TaskArgumentError) return error.message;
    }
    return 'accepted';
  }
}

describe.each(ADAPTERS)('An outbox behind a route: %s', (_name, adapter) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openOutboxDatabase('sqlite');
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  const start = () =>
    startApp(
      { controllers: [OrdersController], providers: [OrderTasks, { provide: DATABASE, useFactory: () => database }] },
      { queue: { outbox: { database: database.database } } },
      adapter,
    );

  it('takes tasks.enqueue() into the transaction of the handler', async () => {
    await using test = await start();
    const { body } = await send(`${test.url}/orders/1`);
    expect(JSON.parse(String(body))).toEqual({ key: 'order:1', disposition: 'scheduled' });
    expect((await send(`${test.url}/orders/bad`)).status).toBe(500);
    const { seen } = test.app.get(OrderTasks);
    await until(() => seen.length > 0, 'the run');
    await test.app.get(TaskQueue).runUntilFinished();
    expect(seen).toEqual(['1']);
    expect(await database.query('SELECT id FROM orders')).toEqual([{ id: '1' }]);
  });

  it('refuses it for a later moment of the request, and says what to do', async () => {
    await using test = await start();
    const { body } = await send(`${test.url}/later`);
    expect(String(body)).toContain(
      'transaction of task orders.process is no option of enqueue() (use tasks.enqueue(), within the transaction)',
    );
  });
});
