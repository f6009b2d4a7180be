// One application, in a process of its own: node http-server.js <adapter> <arm>. It tells its parent where it listens,
// and what CPU time it has used when it is asked.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Controller, Get } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Tasks, TasksModule, TasksService } from '../dist/index.js';

const [adapter, arm] = process.argv.slice(2);
const noop = () => {};

class BenchController {
  constructor(tasks) {
    this.tasks = tasks;
  }
  get() {
    return { hello: 'world' };
  }
}
class DecoratedController {
  get(tasks) {
    tasks.afterResponse.schedule(noop);
    return { hello: 'world' };
  }
}
class InjectedController {
  constructor(tasks) {
    this.tasks = tasks;
  }
  get() {
    this.tasks.afterResponse.schedule(noop);
    return { hello: 'world' };
  }
}
// The decorators, called as TypeScript would.
Tasks()(DecoratedController.prototype, 'get', 0);
Reflect.defineMetadata('design:paramtypes', [TasksService], InjectedController);
for (const controller of [BenchController, DecoratedController, InjectedController]) {
  Controller()(controller);
  Get()(controller.prototype, 'get', Object.getOwnPropertyDescriptor(controller.prototype, 'get'));
}

const controllers = [{ decorated: DecoratedController, injected: InjectedController }[arm] ?? BenchController];
const imports = ['unused', 'decorated', 'injected'].includes(arm) ? [TasksModule.forRoot()] : [];
class AppModule {}
const app = await NestFactory.create(
  { module: AppModule, imports, controllers },
  adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
  { logger: false },
);
// On Node 20, the first use makes every promise of the process dearer.
if (arm === 'context') new AsyncLocalStorage().run({}, () => {});
if (arm === 'interceptor') app.useGlobalInterceptors({ intercept: (_context, next) => next.handle() });
await app.listen(0, '127.0.0.1');

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpu: user + system });
});
process.on('disconnect', () => process.exit());
process.send({ url: await app.getUrl() });
