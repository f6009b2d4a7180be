import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { TasksDashboardModule } from 'nestjs-tasks/dashboard';
import { AnalyticsTasks } from './analytics.tasks.js';
import { Delivery } from './delivery.js';
import { DurableModule } from './durable/durable.module.js';
import { MailTasks } from './mail.tasks.js';
import { NetworkModule } from './network.module.js';
import { OrdersController } from './orders.controller.js';
import { ORDERS_FILE, OrdersStore } from './orders.store.js';
import { PageController } from './page.controller.js';
import { PartnersTasks } from './partners.tasks.js';
import { PaymentTasks } from './payment.tasks.js';
import { RefundPayment } from './refund-payment.handler.js';
import { StockTasks } from './stock.tasks.js';
import { TimelineController } from './timeline.controller.js';
import { Timeline } from './timeline.js';

@Module({
  imports: [
    // Durable tasks are in memory here. With queue.url they are in Redis or PostgreSQL, and outlive this process.
    TasksModule.forRoot({ shutdown: { timeout: '20s' }, queue: { logs: 50, worker: { concurrency: 20 } } }),
    // Unprotected, because the sample listens on 127.0.0.1 and knows no users. An application passes `access` or `guards`: see
    // docs/dashboard.md.
    TasksDashboardModule.forRoot({ path: 'tasks', unprotected: true }),
    NetworkModule,
    DurableModule,
  ],
  controllers: [PageController, OrdersController, TimelineController],
  providers: [
    { provide: ORDERS_FILE, useFactory: () => join(process.env.DATA_DIR ?? '.data/01-orders', 'orders.jsonl') },
    OrdersStore,
    Delivery,
    PaymentTasks,
    RefundPayment,
    StockTasks,
    MailTasks,
    AnalyticsTasks,
    PartnersTasks,
    Timeline,
  ],
})
export class AppModule {}
