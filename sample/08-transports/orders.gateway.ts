import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type WsResponse,
} from '@nestjs/websockets';
import { Tasks, TaskScheduler, TasksService } from 'nestjs-tasks';
import type { WebSocket } from 'ws';
import { OrderRequest, type Order } from './order.js';
import { OrdersService } from './orders.service.js';
import { noteReplies } from './stage/replies.js';
import { Timeline } from './stage/timeline.js';

@WebSocketGateway()
export class OrdersGateway implements OnGatewayConnection {
  constructor(
    private readonly orders: OrdersService,
    private readonly timeline: Timeline,
    private readonly scheduler: TaskScheduler,
  ) {}

  /** A connection is no message, and has no TasksService. */
  handleConnection(client: WebSocket): void {
    noteReplies.ofWebSocket(client, this.timeline);
    this.scheduler.task({ name: 'greet' }).schedule(() => this.timeline.note('task', 'greets who has connected'));
  }

  @SubscribeMessage('orders.create')
  create(@MessageBody() request: OrderRequest, @Tasks() tasks: TasksService): WsResponse<Order> {
    return { event: 'order', data: this.orders.place(request, tasks) };
  }
}
