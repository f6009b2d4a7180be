import { Injectable } from '@nestjs/common';
import { Durable, Logged } from 'nestjs-tasks';
import { Partner } from './partner.js';

@Injectable()
export class OrderTasks {
  constructor(private readonly partner: Partner) {}

  @Durable('orders.hand-over', { retry: { attempts: 2, delay: 50 }, timeout: '10s', onError: () => {} })
  handOver(@Logged() order: number): void {
    this.partner.accept(order);
  }
}
