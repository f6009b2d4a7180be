// One application of http.js, in a process of its own: node http-server.js <adapter> <arm>. It tells its parent where it
// listens and, when asked, what CPU time it has used and how many pieces of work it has run.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as tick } from 'node:timers/promises';
import { Controller, Get, Res, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Tasks, TasksModule, TasksService } from '../dist/index.js';
import { answerParent } from './arm-process.js';

const [adapter, arm] = process.argv.slice(2);

let ran = 0;
const work = async () => {
  ran += 1;
};

class Bare {
  get() {
    return { hello: 'world' };
  }
}
class Promised {
  get() {
    void work();
    return { hello: 'world' };
  }
}
class OnFinish {
  get(response) {
    (response.raw ?? response).on('finish', work);
    return { hello: 'world' };
  }
}
class Decorated {
  get(tasks) {
    tasks.afterResponse.schedule(work);
    return { hello: 'world' };
  }
}
class Injected {
  constructor(tasks) {
    this.tasks = tasks;
  }
  get() {
    this.tasks.afterResponse.schedule(work);
    return { hello: 'world' };
  }
}
// The decorators, called as TypeScript would.
Res({ passthrough: true })(OnFinish.prototype, 'get', 0);
Tasks()(Decorated.prototype, 'get', 0);
Reflect.defineMetadata('design:paramtypes', [TasksService], Injected);

const TASKS = [TasksModule.forRoot()];
const {
  controller = Bare,
  scope,
  imports = [],
  prepare = () => {},
} = {
  bare: {},
  again: {},
  context: { prepare: () => new AsyncLocalStorage().run({}, () => {}) }, // on Node 20, promises are dearer from then on
  promise: { controller: Promised },
  finish: { controller: OnFinish },
  interceptor: { prepare: (app) => app.useGlobalInterceptors({ intercept: (_context, next) => next.handle() }) },
  scoped: { scope: Scope.REQUEST },
  unused: { imports: TASKS },
  decorated: { imports: TASKS, controller: Decorated },
  injected: { imports: TASKS, controller: Injected },
}[arm];
Controller({ scope })(controller);
Get()(controller.prototype, 'get', Object.getOwnPropertyDescriptor(controller.prototype, 'get'));

class AppModule {}
const app = await NestFactory.create(
  { module: AppModule, imports, controllers: [controller] },
  adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
  { logger: false },
);
prepare(app);
await app.listen(0, '127.0.0.1');
// Connections wait while other applications are loaded.
app.getHttpServer().keepAliveTimeout = 0;

answerParent(await app.getUrl(), async () => {
  await tick(); // what the last responses have set off has run
  const { user, system } = process.cpuUsage();
  return { cpu: user + system, ran };
});
