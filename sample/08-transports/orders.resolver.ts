import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Tasks, TasksService } from 'nestjs-tasks';
import { Order, OrderRequest } from './order.js';
import { OrdersService } from './orders.service.js';

@Resolver()
export class OrdersResolver {
  constructor(private readonly orders: OrdersService) {}

  /** Several orders in one operation share one TasksService. */
  @Mutation(() => Order)
  createOrder(@Args('request') request: OrderRequest, @Tasks() tasks: TasksService): Order {
    return this.orders.place(request, tasks);
  }

  /** GraphQL wants at least one. */
  @Query(() => [String])
  flowers(): string[] {
    return ['tulip', 'rose', 'aster'];
  }
}
