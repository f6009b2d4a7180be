import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { AnalyticsTasks } from './analytics.tasks.js';
import { Delivery } from './delivery.js';
import { MailTasks } from './mail.tasks.js';
import { Network, PACE } from './network.js';
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
  imports: [TasksModule.forRoot({ shutdown: { timeout: '20s' } })],
  controllers: [PageController, OrdersController, TimelineController],
  providers: [
    { provide: PACE, useValue: 1 },
    { provide: ORDERS_FILE, useFactory: () => join(process.env.DATA_DIR ?? '.data/01-orders', 'orders.jsonl') },
    Network,
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
