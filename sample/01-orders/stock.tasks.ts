import { Injectable } from '@nestjs/common';
import { CATALOGUE } from './catalogue.js';
import { Network } from './network.js';
import type { Order } from './order.js';
import { OrdersStore } from './orders.store.js';

@Injectable()
export class StockTasks {
  constructor(
    private readonly network: Network,
    private readonly orders: OrdersStore,
  ) {}

  async reserve(order: Order): Promise<void> {
    await this.network.call(400);
    const inStock = CATALOGUE[order.book]?.inStock ?? 0;
    await this.orders.update(order.id, { stock: inStock < order.quantity ? 'sold out' : 'reserved' });
  }
}
