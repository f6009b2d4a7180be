import { Injectable } from '@nestjs/common';
import { TaskContext } from 'nestjs-tasks';
import { Network } from './network.js';
import type { Order } from './order.js';

@Injectable()
export class AnalyticsTasks {
  private readonly sold = new Map<string, number>();

  constructor(
    private readonly context: TaskContext,
    private readonly network: Network,
  ) {}

  async track({ book, quantity }: Order): Promise<void> {
    await this.network.call(800, this.context.signal);
    this.sold.set(book, (this.sold.get(book) ?? 0) + quantity);
    this.context.logger.log(`'${book}' sold ${this.sold.get(book)} times since the start`);
  }
}
