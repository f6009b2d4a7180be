import { Module } from '@nestjs/common';
import type Database from 'libsql';
import { TasksModule } from 'nestjs-tasks';
import { fromSqlite } from 'nestjs-tasks/outbox';
import { DATABASE, DatabaseModule } from './database.module.js';
import { OrderTasks } from './order.tasks.js';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';
import { OrdersStore } from './orders.store.js';
import { PageController } from './page.controller.js';

@Module({
  imports: [
    DatabaseModule,
    TasksModule.forRootAsync({
      inject: [DATABASE],
      useFactory: (db: Database.Database) => ({
        // No url: the queue is in memory. A short lease, so that the task of a killed process runs again soon.
        queue: { outbox: { database: fromSqlite(db) }, worker: { lease: '2s' } },
      }),
    }),
  ],
  controllers: [PageController, OrdersController],
  providers: [OrdersStore, OrderTasks, OrdersService],
})
export class AppModule {}
