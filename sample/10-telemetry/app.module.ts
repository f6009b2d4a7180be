import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { TasksModule } from 'nestjs-tasks';
import { HealthController } from './health.controller.js';
import { OrderTasks } from './order.tasks.js';
import { OrdersController } from './orders.controller.js';
import { requestSpan } from './request-span.middleware.js';

@Module({
  imports: [TasksModule.forRoot(), TerminusModule.forRoot({ logger: false })],
  controllers: [OrdersController, HealthController],
  providers: [OrderTasks],
})
export class AppModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(requestSpan).forRoutes(OrdersController);
  }
}
