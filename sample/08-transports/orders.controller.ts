import { Body, ConflictException, Controller, Post, Sse, type MessageEvent } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { Tasks, TasksService } from 'nestjs-tasks';
import { map, type Observable } from 'rxjs';
import { OrderTasks } from './order.tasks.js';
import { OrderRequest, type Order } from './order.js';
import { OrdersService, SoldOutError } from './orders.service.js';
import { Timeline } from './stage/timeline.js';

/** REST, server-sent events, and messages of other services. */
@Controller('orders')
export class OrdersController {
  constructor(
    private readonly orders: OrdersService,
    private readonly orderTasks: OrderTasks,
    private readonly timeline: Timeline,
  ) {}

  @Post()
  create(@Body() request: OrderRequest, @Tasks() tasks: TasksService): Order {
    try {
      return this.orders.place(request, tasks);
    } catch (error) {
      throw error instanceof SoldOutError ? new ConflictException(error.message) : error;
    }
  }

  /** After-route tasks start at the first event, after-response tasks when the watcher has left. */
  @Sse()
  watch(@Tasks() tasks: TasksService): Observable<MessageEvent> {
    this.timeline.note('handler', 'a watcher has come');
    tasks.afterRoute.schedule(this.orderTasks.welcome);
    tasks.afterResponse.schedule(this.orderTasks.farewell);
    return this.orders.placed.pipe(map((order) => ({ data: order })));
  }

  @MessagePattern('orders.create')
  receive(@Payload() request: OrderRequest, @Tasks() tasks: TasksService): Order {
    try {
      return this.orders.place(request, tasks);
    } catch (error) {
      throw error instanceof SoldOutError ? new RpcException(error.message) : error;
    }
  }
}
