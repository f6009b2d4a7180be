import { Controller, Get, Inject, Injectable, Query } from '@nestjs/common';
import { ClsModule, ClsService } from 'nestjs-cls';
import { describe, expect, it } from '@jest/globals';
import { Durable, TaskQueue, Tasks, TasksService, type TaskContextCarrier } from 'nestjs-tasks';
import { ADAPTERS, send, startApp } from '../../support/app.js';
import { until } from '../../support/until.js';

// The example of docs/context.md, with the real package.
@Injectable()
class TenantCarrier implements TaskContextCarrier<string> {
  readonly name = 'tenant';

  constructor(@Inject(ClsService) private readonly cls: ClsService) {}

  capture(): string | undefined {
    return this.cls.get('tenant');
  }

  restore<R>(tenant: string, run: () => R): R {
    return this.cls.run(() => {
      this.cls.set('tenant', tenant);
      return run();
    });
  }
}

@Injectable()
class OrderTasks {
  readonly seen: unknown[] = [];

  constructor(@Inject(ClsService) private readonly cls: ClsService) {}

  @Durable('orders.process')
  async process(moment: string): Promise<void> {
    const before: unknown = this.cls.get('tenant');
    await new Promise(setImmediate);
    this.seen.push([moment, before, this.cls.get('tenant'), this.cls.isActive()]);
  }
}

@Controller()
class OrdersController {
  constructor(
    @Inject(OrderTasks) private readonly orders: OrderTasks,
    @Inject(TaskQueue) private readonly queue: TaskQueue,
    @Inject(ClsService) private readonly cls: ClsService,
  ) {}

  @Get('orders')
  async create(@Tasks() tasks: TasksService, @Query('tenant') tenant: string): Promise<void> {
    this.cls.set('tenant', tenant);
    tasks.afterRoute.enqueue(this.orders.process)('afterRoute');
    tasks.afterResponse.enqueue(this.orders.process)('afterResponse');
    await tasks.enqueue(this.orders.process)('enqueue');
    await tasks.task({ onError: () => {} }).enqueue(this.orders.process)('task().enqueue');
    await this.queue.add(this.orders.process)('add');
  }
}

describe.each(ADAPTERS)('a tenant in nestjs-cls on %s', (_name, adapter) => {
  it('is carried from the request to the durable tasks that it adds, at each moment', async () => {
    const metadata = {
      imports: [ClsModule.forRoot({ global: true, middleware: { mount: true } })],
      controllers: [OrdersController],
      providers: [OrderTasks, TenantCarrier],
    };
    await using test = await startApp(metadata, { queue: { carriers: [TenantCarrier] } }, adapter);
    const { seen } = test.app.get(OrderTasks);
    expect((await send(`${test.url}/orders?tenant=acme`)).status).toBe(200);
    await until(() => seen.length === 5, 'all to have run');
    const moments = ['add', 'afterResponse', 'afterRoute', 'enqueue', 'task().enqueue'];
    expect(seen.toSorted()).toEqual(moments.map((moment) => [moment, 'acme', 'acme', true]));
    await test.app.get(TaskQueue).add(test.app.get(OrderTasks).process)('outside');
    await until(() => seen.length === 6, 'the last to have run');
    expect(seen[5]).toEqual(['outside', undefined, undefined, false]);
  });
});
