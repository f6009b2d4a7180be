import { Injectable } from '@nestjs/common';
import type { Task, TaskErrorHandler } from 'nestjs-tasks';
import { Network } from './network.js';
import type { Order } from './order.js';
import { OrdersStore } from './orders.store.js';

/** Takes an order back whose payment has failed. Shielded with the task that it handles. */
@Injectable()
export class RefundPayment implements TaskErrorHandler {
  constructor(
    private readonly network: Network,
    private readonly orders: OrdersStore,
  ) {}

  async onTaskError({ args: [order] }: Task<unknown, [Order, ...unknown[]]>): Promise<void> {
    await this.network.call(500);
    await this.orders.update(order.id, { status: 'refunded' });
  }
}
