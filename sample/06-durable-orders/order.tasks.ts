import { Injectable } from '@nestjs/common';
import { Durable, Shielded, TaskContext, TaskQueue } from 'nestjs-tasks';
import { orderKey, type Order } from './order.js';
import { Work } from './work.js';

/**
 * A chain: each task adds the next, before it ends. When its process dies in between, it runs again and adds it again;
 * the key sees to it that the next one does not wait twice.
 */
@Injectable()
export class OrderTasks {
  constructor(
    private readonly queue: TaskQueue,
    private readonly context: TaskContext,
    private readonly work: Work,
  ) {}

  /** Shielded: a worker that shuts down waits for it, since nobody likes half a payment. */
  @Shielded()
  @Durable('orders.charge', { timeout: '10s' })
  async charge(order: Order): Promise<string> {
    await this.work.once(1_000);
    await this.queue.add(this.reserve, { key: orderKey(order.id, 'reserve') })(order);
    return `${order.total} charged`;
  }

  @Durable('orders.reserve', { retry: { attempts: 5, delay: '400ms' } })
  async reserve(order: Order): Promise<string> {
    if (this.context.attempt === 1) throw new Error('The warehouse does not answer'); // it never does at first
    await this.work.once(400);
    await this.queue.add(this.ship, { key: orderKey(order.id, 'ship') })(order);
    return `'${order.book}' reserved in attempt ${this.context.attempt}`;
  }

  @Durable('orders.ship')
  async ship(order: Order): Promise<string> {
    await this.work.once(400);
    return `parcel ${order.id} on its way`;
  }
}
