import { Injectable } from '@nestjs/common';
import { Durable, Logged, TaskContext, TaskQueue } from 'nestjs-tasks';
import { CATALOGUE } from '../catalogue.js';
import { Network } from '../network.js';

/** Customer whose executions a strike holds. */
export const STRUCK_CUSTOMER = 'ann';
const CUSTOMERS = [STRUCK_CUSTOMER, 'ben', 'cleo'];
const BOOKS = Object.keys(CATALOGUE);

/** A strike: one customer is taken out of a stream, and put back, while it runs. */
@Injectable()
export class RecommendationTasks {
  sent = 0;
  private last = 0;

  constructor(
    private readonly queue: TaskQueue,
    private readonly context: TaskContext,
    private readonly network: Network,
  ) {}

  @Durable('recommendations.send', { timeout: '10s' })
  async send(@Logged() customerId: string, @Logged() book: string): Promise<void> {
    await this.network.call(800, this.context.signal);
    this.sent++;
    this.context.logger.debug(`'${book}' is recommended to ${customerId}`);
  }

  /** Adds so many recommendations for each customer, in turn. */
  async stream(count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      const book = BOOKS[at % BOOKS.length] ?? '';
      const number = ++this.last;
      await Promise.all(
        CUSTOMERS.map((customer) =>
          this.queue.add(this.send, { key: `recommendation:${number}:${customer}` })(customer, book),
        ),
      );
    }
  }

  /** Holds back what the customer would get, from a second later at the latest, in the whole fleet. */
  async strike(): Promise<void> {
    await this.queue.strike(this.send, 'customerId', '==', STRUCK_CUSTOMER, {
      mode: 'hold',
      reason: 'complained about too many mails',
    });
  }

  async restore(): Promise<void> {
    await this.queue.restore(this.send, 'customerId', '==', STRUCK_CUSTOMER);
  }

  /** Also true for a strike that somebody has made on the dashboard. */
  async isStruck(): Promise<boolean> {
    const strikes = await this.queue.strikes();
    return strikes.some(({ task, value }) => task === 'recommendations.send' && value === STRUCK_CUSTOMER);
  }
}
