import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Durable, Logged, TaskContext } from 'nestjs-tasks';
import { OrdersStore } from './orders.store.js';

/** Time that it takes to pack a book, in milliseconds. */
const PACKING = 1_500;

@Injectable()
export class OrderTasks {
  constructor(
    private readonly orders: OrdersStore,
    private readonly context: TaskContext,
  ) {}

  @Durable('orders.ship')
  async ship(@Logged() id: string): Promise<void> {
    await setTimeout(PACKING, undefined, { signal: this.context.signal });
    this.orders.ship(id);
  }
}
