import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Durable, TaskQueue, TasksModule } from 'nestjs-tasks';

/** Applies a decorator to a method: this is no TypeScript. */
export function decorate(type, method, decorator) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, method);
  Object.defineProperty(type.prototype, method, decorator(type.prototype, method, descriptor) ?? descriptor);
}

/** Declares the task of the tests. It returns what it was given. */
export class Orders {
  seen = [];
  /** Comes before the end of a run. */
  look = async () => {};

  async process(id) {
    this.seen.push(id);
    await this.look(id);
    return id;
  }
}
decorate(Orders, 'process', Durable('orders.process'));

let applications = 0;

/** Starts an application with a queue in memory, and an outbox. */
export async function startApplication(database, metadata = {}) {
  applications += 1;
  const outbox = { database };
  const queueOptions = { name: `adapters-${process.pid}-${applications}`, outbox };
  class ApplicationModule {}
  Module({
    ...metadata,
    imports: [TasksModule.forRoot({ queue: queueOptions }), ...(metadata.imports ?? [])],
    providers: [Orders, ...(metadata.providers ?? [])],
  })(ApplicationModule);
  const context = await NestFactory.createApplicationContext(ApplicationModule, { logger: ['error', 'warn'] });
  return { context, queue: context.get(TaskQueue), orders: context.get(Orders), close: () => context.close() };
}
