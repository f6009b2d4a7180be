import { Injectable } from '@nestjs/common';
import { Network } from './network.js';
import type { Order } from './order.js';

/** Asks the carrier when a parcel will arrive. */
@Injectable()
export class Delivery {
  constructor(private readonly network: Network) {}

  async days({ quantity }: Pick<Order, 'quantity'>): Promise<number> {
    await this.network.call(400);
    return quantity > 5 ? 4 : 2;
  }
}
