import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { OrderTasks } from './order.tasks.js';
import { Partner } from './partner.js';

@Module({
  imports: [TasksModule.forRoot({ queue: { url: process.env['QUEUE_URL'], worker: { concurrency: 20 } } })],
  providers: [OrderTasks, Partner],
})
export class AppModule {}
