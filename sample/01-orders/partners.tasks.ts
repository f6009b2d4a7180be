import { Injectable } from '@nestjs/common';
import { Shielded } from 'nestjs-tasks';
import { CATALOGUE } from './catalogue.js';
import { Network } from './network.js';
import type { Order } from './order.js';
import { OrdersStore } from './orders.store.js';

const PARTNERS = ['warehouse', 'shipping', 'accounting'] as const;
type Partner = (typeof PARTNERS)[number];

@Injectable()
export class PartnersTasks {
  constructor(
    private readonly network: Network,
    private readonly orders: OrdersStore,
  ) {}

  /** Tells every partner of the order, whichever of the others fail, and records who was told. */
  @Shielded()
  async notify(order: Order): Promise<void> {
    const calls = await Promise.allSettled(PARTNERS.map((partner) => this.tell(partner, order)));
    const results = calls.map((call, i) => [PARTNERS[i], call.status === 'fulfilled' ? 'told' : String(call.reason)]);
    await this.orders.update(order.id, { partners: Object.fromEntries(results) as Record<Partner, string> });
  }

  private async tell(partner: Partner, order: Order): Promise<void> {
    await this.network.call(600 + 300 * PARTNERS.indexOf(partner));
    if (partner === 'shipping' && CATALOGUE[order.book]?.inStock === 0) throw new Error('nothing to ship');
  }
}
