import { Module } from '@nestjs/common';
import { TasksModule } from 'nestjs-tasks';
import { MailService, OrdersController } from './orders.controller.js';

@Module({ imports: [TasksModule.forRoot()], controllers: [OrdersController], providers: [MailService] })
export class AppModule {}
