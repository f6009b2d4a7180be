import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { TasksModule } from 'nestjs-tasks';
import { OrderTasks } from './order.tasks.js';
import { OrdersController } from './orders.controller.js';
import { OrdersGateway } from './orders.gateway.js';
import { OrdersResolver } from './orders.resolver.js';
import { OrdersService } from './orders.service.js';
import { Timeline } from './stage/timeline.js';

@Module({
  imports: [
    TasksModule.forRoot(),
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, graphiql: false }),
  ],
  controllers: [OrdersController],
  providers: [OrderTasks, OrdersGateway, OrdersResolver, OrdersService, Timeline],
})
export class AppModule {}
