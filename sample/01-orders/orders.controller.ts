import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { Body, Controller, Get, NotFoundException, Param, ParseUUIDPipe, Post, Res } from '@nestjs/common';
import { Tasks, TasksService } from 'nestjs-tasks';
import { AnalyticsTasks } from './analytics.tasks.js';
import { CATALOGUE } from './catalogue.js';
import { Delivery } from './delivery.js';
import { MailTasks } from './mail.tasks.js';
import { shortId, type Order, type OrderRequest, type PlacedOrder } from './order.js';
import { OrdersStore } from './orders.store.js';
import { ParseOrderPipe } from './parse-order.pipe.js';
import { PartnersTasks } from './partners.tasks.js';
import { PaymentTasks } from './payment.tasks.js';
import { StockTasks } from './stock.tasks.js';
import { Timeline } from './timeline.js';

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly orders: OrdersStore,
    private readonly delivery: Delivery,
    private readonly payments: PaymentTasks,
    private readonly stock: StockTasks,
    private readonly mail: MailTasks,
    private readonly analytics: AnalyticsTasks,
    private readonly partners: PartnersTasks,
    private readonly timeline: Timeline,
  ) {}

  @Post()
  async create(
    @Body(ParseOrderPipe) { book, quantity, card }: OrderRequest,
    @Res({ passthrough: true }) response: ServerResponse,
    @Tasks() tasks: TasksService,
  ): Promise<PlacedOrder> {
    const total = quantity * (CATALOGUE[book]?.price ?? 0);
    const order: Order = { id: randomUUID(), book, quantity, total, status: 'processing' };
    const name = (task: string): { name: string } => ({ name: `${task}_${shortId(order)}` });
    response.once('finish', () => this.timeline.responded(order));

    await this.orders.save(order); // before its tasks, which update it
    tasks.task(name('payment')).schedule(this.payments.charge, order, card);
    tasks.afterRoute.task(name('stock')).schedule(this.stock.reserve, order);
    tasks.afterResponse.task(name('mail')).schedule(this.mail.confirm, order);
    tasks.afterResponse.task(name('analytics')).schedule(this.analytics.track, order);
    tasks.afterResponse.task(name('partners')).schedule(this.partners.notify, order);
    // The customer waits for the delivery date alone: the payment runs meanwhile, and the rest follows.
    return { ...order, arrivesInDays: await this.delivery.days(order) };
  }

  @Get(':id')
  find(@Param('id', ParseUUIDPipe) id: string): Order {
    const order = this.orders.find(id);
    if (order === undefined) throw new NotFoundException();
    return order;
  }
}
