import { randomUUID } from 'node:crypto';
import { BadRequestException, Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { TaskQueue, Tasks, TasksService, type Execution } from 'nestjs-tasks';
import { CatalogueTasks } from './catalogue.tasks.js';
import { InvoiceTasks, invoiceKeys } from './invoice.tasks.js';
import { OrderTasks } from './order.tasks.js';
import { orderKey, type Order } from './order.js';

const PAGES = 100;

/** Each route answers when the queue has what it adds: from then on it is run, whatever dies. */
@Controller()
export class ShopController {
  constructor(
    private readonly queue: TaskQueue,
    private readonly orders: OrderTasks,
    private readonly invoices: InvoiceTasks,
    private readonly catalogue: CatalogueTasks,
  ) {}

  @Post('orders')
  @HttpCode(202)
  order(@Body('book') book: unknown, @Tasks() tasks: TasksService): Order {
    if (typeof book !== 'string' || book === '') throw new BadRequestException('book must be the title of a book');
    const order: Order = { id: randomUUID().slice(0, 4), book, total: 42 };
    tasks.afterRoute.enqueue(this.orders.charge, { key: orderKey(order.id, 'charge') })(order);
    return order;
  }

  @Post('invoices/:month')
  @HttpCode(202)
  invoice(@Param('month') month: string): Promise<Execution> {
    return this.queue.add(this.invoices.split, { key: invoiceKeys(month).split })(month, PAGES);
  }

  @Post('catalogue/index')
  @HttpCode(202)
  index(): Promise<Execution> {
    return this.queue.add(this.catalogue.index, { key: 'catalogue:index' })();
  }
}
