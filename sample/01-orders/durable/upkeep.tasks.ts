import { Injectable } from '@nestjs/common';
import { Durable, Perpetual, TaskContext } from 'nestjs-tasks';
import { CATALOGUE } from '../catalogue.js';
import { InvoiceTasks } from './invoice.tasks.js';

/** Tasks that add themselves, once in the whole fleet. */
@Injectable()
export class UpkeepTasks {
  constructor(
    private readonly context: TaskContext,
    private readonly invoices: InvoiceTasks,
  ) {}

  @Perpetual({ every: '30s', automatic: true })
  @Durable('stock.check')
  checkStock(): void {
    const soldOut = Object.keys(CATALOGUE).filter((book) => CATALOGUE[book]?.inStock === 0);
    this.context.logger.debug(`sold out: ${soldOut.join(', ') || 'nothing'}`);
  }

  @Perpetual({ cron: '0 3 * * *', automatic: true })
  @Durable('invoices.report')
  reportInvoices(): void {
    const count = [...this.invoices.printed.values()].reduce((sum, printed) => sum + printed, 0);
    this.context.logger.debug(`${count} invoices since the start`);
  }
}
