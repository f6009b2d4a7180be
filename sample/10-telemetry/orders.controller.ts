import { Controller, ConflictException, Param, Post } from '@nestjs/common';
import { Tasks, type TasksService } from 'nestjs-tasks';
import { OrderTasks, retryOnce } from './order.tasks.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrderTasks) {}

  @Post(':id')
  order(@Param('id') id: string, @Tasks() tasks: TasksService): { id: string } {
    tasks.afterRoute.schedule(this.orders.audit, id);
    tasks.afterResponse.task({ onError: retryOnce }).schedule(this.orders.sendReceipt, `${id}@example.org`);
    if (id === 'sold-out') throw new ConflictException();
    tasks.schedule(this.orders.charge, id);
    return { id };
  }
}
