// Nothing is retained: the heap after many requests with tasks is where it was after the first tenth of them.
//   node --expose-gc test/leak/run.js [requests]
// Uses the built library, dist/. On Express and on Fastify, with tasks of all timings, some that fail and retry, some
// that are cancelled, some discarded. Before that, a chain of tasks each of which schedules the next.
import 'reflect-metadata';
import http from 'node:http';
import { Controller, Get, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Tasks, TaskScheduler, TasksModule, TasksService } from '../../dist/index.js';
import { measureChain } from './chain.js';
import { heap } from './heap.js';

const REQUESTS = Number(process.argv[2] ?? 100_000);
const LIMIT = 5 * 2 ** 20;
const CONNECTIONS = 16;
/** Until then the heap grows by what V8 keeps of compiled code and types. */
const WARM_UP = 25_000;

class LeakController {
  constructor(injected) {
    this.injected = injected;
  }
  get(tasks) {
    const fail = () => Promise.reject(new Error('on purpose'));
    tasks.schedule(() => {}, { big: Array.from({ length: 100 }) });
    tasks.task({ timeout: '1h' }).schedule(async () => {});
    tasks.afterRoute.schedule(async () => {});
    tasks.afterRoute.task({ runOn: 'error' }).schedule(() => {});
    tasks.afterResponse.task({ onError: (task) => task.retry().catch(() => {}) }).schedule(fail);
    this.injected.afterResponse.schedule(() => {}).cancel();
    const watched = this.injected.afterResponse.schedule(() => tasks.schedule(() => {}));
    void watched.started;
    void watched.result();
    return 'ok';
  }
  bad(tasks) {
    tasks.afterRoute.schedule(() => {});
    tasks.afterResponse.schedule(() => {});
    throw new Error('on purpose');
  }
}
for (const [method, path] of [
  ['get', '/'],
  ['bad', '/bad'],
]) {
  Tasks()(LeakController.prototype, method, 0);
  Get(path)(LeakController.prototype, method, Object.getOwnPropertyDescriptor(LeakController.prototype, method));
}
Reflect.defineMetadata('design:paramtypes', [TasksService], LeakController);
Controller()(LeakController);
Logger.overrideLogger(false);

async function load(url, agent, count) {
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const path = left % 10 === 0 ? '/bad' : '/';
      await new Promise((resolve, reject) => {
        http.get(url + path, { agent }, (response) => response.resume().on('end', resolve)).on('error', reject);
      });
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

let failed = 0;
const chain = await measureChain();
const isChainOk = chain.grown <= LIMIT && chain.alive === 0;
if (!isChainOk) failed += 1;
console.log(
  `${isChainOk ? 'ok' : 'not ok'} chain: ${(chain.grown / 2 ** 20).toFixed(2)} MiB more after ${chain.tasks.toLocaleString('en')} tasks than after a tenth of them, at most 5 MiB; of the first 5 arguments ${chain.alive} are left`,
);
for (const [name, Adapter] of [
  ['express', ExpressAdapter],
  ['fastify', FastifyAdapter],
]) {
  class AppModule {}
  const app = await NestFactory.create(
    { module: AppModule, imports: [TasksModule.forRoot()], controllers: [LeakController] },
    new Adapter(),
    { logger: false },
  );
  await app.listen(0, '127.0.0.1');
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const scheduler = app.get(TaskScheduler);
  const url = await app.getUrl();

  await load(url, agent, WARM_UP + REQUESTS / 10);
  await scheduler.idle();
  const before = heap();
  await load(url, agent, REQUESTS - REQUESTS / 10);
  await scheduler.idle();
  const grown = heap() - before;
  const isOk = grown <= LIMIT;
  if (!isOk) failed += 1;
  const tasks = scheduler.counts.scheduled.toLocaleString('en');
  console.log(
    `${isOk ? 'ok' : 'not ok'} ${name}: ${(grown / 2 ** 20).toFixed(2)} MiB more after ${REQUESTS.toLocaleString('en')} requests (${tasks} tasks) than after a tenth of them; at most 5 MiB`,
  );
  agent.destroy();
  await app.close();
}
process.exitCode = failed > 0 ? 1 : 0;
