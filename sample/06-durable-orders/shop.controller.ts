import { randomUUID } from 'node:crypto';
import { BadRequestException, Body, ConflictException, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { TaskQueue, type Execution } from 'nestjs-tasks';
import { CatalogueTasks } from './catalogue.tasks.js';
import { InvoiceTasks, invoiceKeys } from './invoice.tasks.js';
import { MonthPipe } from './month.pipe.js';
import { OrderTasks } from './order.tasks.js';
import { orderKey, type Order } from './order.js';

const PAGES = 100;

/** Each route answers 202 when the queue has what it adds: from then on it is run, whatever dies. */
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
  async order(@Body('book') book: unknown): Promise<Order> {
    if (typeof book !== 'string' || book === '') throw new BadRequestException('book must be the title of a book');
    const order: Order = { id: randomUUID(), book, total: 42 };
    accepted(await this.queue.add(this.orders.charge, { key: orderKey(order.id, 'charge') })(order));
    return order;
  }

  @Post('invoices/:month')
  @HttpCode(202)
  async invoice(@Param('month', MonthPipe) month: string): Promise<Execution> {
    return accepted(await this.queue.add(this.invoices.split, { key: invoiceKeys(month).split })(month, PAGES));
  }

  @Post('catalogue/index')
  @HttpCode(202)
  async index(): Promise<Execution> {
    return accepted(await this.queue.add(this.catalogue.index, { key: 'catalogue:index' })());
  }
}

/** What the queue holds under the key is what somebody else has asked for: 202 would be a lie. */
function accepted(execution: Execution): Execution {
  if (execution.disposition === 'already-scheduled') throw new ConflictException('This is in the queue already');
  return execution;
}
