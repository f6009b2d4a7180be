import { Injectable } from '@nestjs/common';
import { TaskContext } from 'nestjs-tasks';
import { Network } from './network.js';
import type { Order } from './order.js';
import { OrdersStore } from './orders.store.js';

@Injectable()
export class MailTasks {
  constructor(
    private readonly context: TaskContext,
    private readonly network: Network,
    private readonly orders: OrdersStore,
  ) {}

  /** Not shielded: a mail can be sent again. It watches its signal, and so does not hold the shutdown up. */
  async confirm(order: Order): Promise<void> {
    await this.network.call(4_000, this.context.signal);
    await this.orders.update(order.id, { mailed: true });
  }
}
