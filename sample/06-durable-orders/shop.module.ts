import { Module } from '@nestjs/common';
import { CatalogueTasks } from './catalogue.tasks.js';
import { InvoiceTasks } from './invoice.tasks.js';
import { Ledger, LEDGER_FILE } from './ledger.js';
import { OrderTasks } from './order.tasks.js';
import { Work } from './work.js';

/** The tasks: the API adds them, the worker runs them, and both declare them. */
@Module({
  providers: [
    { provide: LEDGER_FILE, useFactory: () => process.env.LEDGER_FILE ?? '.data/06-durable-orders/ledger.jsonl' },
    Ledger,
    Work,
    OrderTasks,
    InvoiceTasks,
    CatalogueTasks,
  ],
  exports: [OrderTasks, InvoiceTasks, CatalogueTasks],
})
export class ShopModule {}
