import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable, Logged, TaskContext, TaskQueue } from 'nestjs-tasks';
import { Network } from '../network.js';

/** Customer that orders more than all others. */
export const HOT_CUSTOMER = 'bookworm';
const OTHERS = ['ann', 'ben', 'cleo', 'dan'];

/** A hot customer under a limit: their invoices are printed one at a time, and hold up nobody else's. */
@Injectable()
export class InvoiceTasks {
  /** Invoices printed, by customer. */
  readonly printed = new Map<string, number>();
  private last = 0;

  constructor(
    private readonly queue: TaskQueue,
    private readonly context: TaskContext,
    private readonly network: Network,
  ) {}

  @Durable('invoices.print', { timeout: '10s' })
  async print(@ConcurrencyLimit(1) @Logged() customerId: string): Promise<void> {
    await this.network.call(1_000, this.context.signal);
    const count = (this.printed.get(customerId) ?? 0) + 1;
    this.printed.set(customerId, count);
    this.context.logger.debug(`invoice ${count} of ${customerId} is printed`);
  }

  /** Adds so many invoices of the hot customer, then one of each other. */
  async order(count: number): Promise<void> {
    const hot = Array.from({ length: count }, () => HOT_CUSTOMER);
    const add = (customer: string): Promise<unknown> =>
      this.queue.add(this.print, { key: `invoice:${++this.last}:${customer}` })(customer);
    await Promise.all([...hot, ...OTHERS].map(add));
  }
}
