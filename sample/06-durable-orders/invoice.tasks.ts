import { Injectable } from '@nestjs/common';
import { Durable, TaskQueue } from 'nestjs-tasks';
import { Ledger } from './ledger.js';
import { Work } from './work.js';

/** The keys of one month: the split, its pages, and what comes after them. */
export const invoiceKeys = (month: string) => ({
  split: `invoices:${month}:split`,
  pages: `invoices:${month}:page:`,
  close: `invoices:${month}:close`,
});

/** The invoices of a month, in pages that are rendered side by side, and closed when all pages are there. */
@Injectable()
export class InvoiceTasks {
  constructor(
    private readonly queue: TaskQueue,
    private readonly ledger: Ledger,
    private readonly work: Work,
  ) {}

  @Durable('invoices.split')
  async split(month: string, pages: number): Promise<void> {
    const { pages: prefix } = invoiceKeys(month);
    const numbers = Array.from({ length: pages }, (_, index) => index + 1);
    await Promise.all(
      numbers.map((page) => this.queue.add(this.render, { key: `${prefix}${page}` })(month, page, pages)),
    );
  }

  @Durable('invoices.render')
  async render(month: string, page: number, pages: number): Promise<string> {
    await this.work.once(150);
    // Who finds all pages done adds what comes after them. Two may find that at the same time, and one may die before it
    // has added: both are harmless, since every page counts first and adds then, under one key for all of them, and what is
    // added does its work once.
    const keys = invoiceKeys(month);
    const done = await this.ledger.done(keys.pages);
    if (done.size === pages) await this.queue.add(this.close, { key: keys.close })(month);
    return `page ${page}`;
  }

  @Durable('invoices.close')
  async close(month: string): Promise<string> {
    await this.work.once(300);
    return `${month} closed`;
  }
}
