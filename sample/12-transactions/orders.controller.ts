import { Body, ConflictException, Controller, Get, NotFoundException, Param, Post, Query } from '@nestjs/common';
import type { OrderRequest, OrderView } from './order.js';
import { OrdersService } from './orders.service.js';
import { ParseOrderPipe } from './parse-order.pipe.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  /** @param then `kill` ends the process when the transaction has committed, before anything else happens. */
  @Post()
  async create(
    @Body(ParseOrderPipe) request: OrderRequest,
    @Query('then') then?: string,
  ): Promise<OrderView | undefined> {
    try {
      await this.orders.place(request);
    } catch (error) {
      throw await this.rolledBack(request.id, error);
    }
    if (then === 'kill') process.kill(process.pid, 'SIGKILL');
    return this.orders.find(request.id);
  }

  @Get()
  async list(): Promise<{ pid: number; orders: OrderView[] }> {
    return { pid: process.pid, orders: await this.orders.list() };
  }

  @Get(':id')
  async find(@Param('id') id: string): Promise<OrderView> {
    const order = await this.orders.find(id);
    if (order === undefined) throw new NotFoundException();
    return order;
  }

  /** Looks what is there of the order. */
  private async rolledBack(id: string, error: unknown): Promise<ConflictException> {
    const [order, task] = await Promise.all([this.orders.find(id), this.orders.taskOf(id)]);
    const message = error instanceof Error ? error.message : String(error);
    return new ConflictException({ message, order: order ?? null, task });
  }
}
