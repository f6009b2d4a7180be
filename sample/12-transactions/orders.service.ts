import { Inject, Injectable } from '@nestjs/common';
import type Database from 'libsql';
import { TaskQueue, type Execution } from 'nestjs-tasks';
import { DATABASE } from './database.module.js';
import { keyOf, type Order, type OrderRequest, type OrderView } from './order.js';
import { OrderTasks } from './order.tasks.js';
import { OrdersStore } from './orders.store.js';

@Injectable()
export class OrdersService {
  constructor(
    @Inject(DATABASE) private readonly db: Database.Database,
    private readonly orders: OrdersStore,
    private readonly tasks: OrderTasks,
    private readonly queue: TaskQueue,
  ) {}

  /** Writes the order and its task in one transaction. @throws what has rolled it back. */
  async place(order: OrderRequest): Promise<void> {
    let adding: Promise<Execution> | undefined;
    this.db.transaction(() => {
      this.orders.insert(order);
      adding = this.queue.add(this.tasks.ship, { key: keyOf(order.id), transaction: this.db })(order.id);
      this.orders.takeFromStock(order.book); // a sold-out book fails here, after the task was written
    })();
    await adding; // the transaction is synchronous, so the promise is awaited after it
  }

  async find(id: string): Promise<OrderView | undefined> {
    const order = this.orders.find(id);
    return order && this.view(order);
  }

  list(): Promise<OrderView[]> {
    return Promise.all(this.orders.list().map((order) => this.view(order)));
  }

  /** Returns the state of the order's task, also where there is no order. */
  async taskOf(id: string): Promise<string | null> {
    return (await this.queue.get(keyOf(id)))?.state ?? null;
  }

  private async view(order: Order): Promise<OrderView> {
    return { ...order, task: await this.taskOf(order.id) };
  }
}
