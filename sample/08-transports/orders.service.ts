import { Injectable } from '@nestjs/common';
import type { TasksService } from 'nestjs-tasks';
import { Subject } from 'rxjs';
import { OrderTasks } from './order.tasks.js';
import type { Order, OrderRequest } from './order.js';
import { Timeline } from './stage/timeline.js';

export class SoldOutError extends Error {}

/** What is done with an order, however it has come in. */
@Injectable()
export class OrdersService {
  readonly placed = new Subject<Order>();
  private count = 0;

  constructor(
    private readonly orderTasks: OrderTasks,
    private readonly timeline: Timeline,
  ) {}

  place(request: OrderRequest, tasks: TasksService): Order {
    const order: Order = { id: ++this.count, ...request };
    this.timeline.note('handler', `places order ${order.id}`);
    tasks.afterResponse.schedule(this.orderTasks.sendReceipt, order);
    tasks.afterRoute.schedule(this.orderTasks.reserve, order);
    if (order.count > 100) throw new SoldOutError(`There are no ${order.count} × ${order.flower}`);
    this.placed.next(order);
    return order;
  }
}
