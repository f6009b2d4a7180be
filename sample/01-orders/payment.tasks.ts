import { Injectable } from '@nestjs/common';
import { OnTaskError, Shielded } from 'nestjs-tasks';
import { Network } from './network.js';
import type { Order } from './order.js';
import { OrdersStore } from './orders.store.js';
import { RefundPayment } from './refund-payment.handler.js';

/** Test cards end in 0002 when the bank is to decline them. */
const DECLINED = /0002$/;

@Injectable()
export class PaymentTasks {
  constructor(
    private readonly network: Network,
    private readonly orders: OrdersStore,
  ) {}

  /** Shielded: a charge that is cut off half-way takes the customer's money and tells nobody. */
  @Shielded()
  @OnTaskError(RefundPayment)
  async charge(order: Order, card: string): Promise<void> {
    await this.network.call(2_500);
    if (DECLINED.test(card)) throw new Error('The bank has declined the card');
    await this.orders.update(order.id, { status: 'paid' });
  }
}
