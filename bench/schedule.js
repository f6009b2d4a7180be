// What one scheduled no-op costs, ours and the peers' in turns in one process. AsyncLocalStorage is in use in all of
// them, as it is in any application with a request id in its logs.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule, EventEmitter2 } from '@nestjs/event-emitter';
import fastq from 'fastq';
import PQueue from 'p-queue';
import { TasksModule, TaskScheduler } from '../dist/index.js';
import { ratio, show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? 2 : 7;
const SIZES = short ? [1e3, 1e4] : [1e3, 1e4, 1e5, 1e6];

class AppModule {}
const context = await NestFactory.createApplicationContext(
  { module: AppModule, imports: [TasksModule.forRoot(), EventEmitterModule.forRoot()] },
  { logger: false },
);
const scheduler = context.get(TaskScheduler);
const emitter = context.get(EventEmitter2);

/** Each arm schedules `func` `count` times at once and resolves when all have ended. */
const ARMS = {
  'nestjs-tasks': async (func, count) => {
    for (let i = 0; i < count; i++) scheduler.schedule(func);
    await scheduler.idle();
  },
  'bare promise': (func, count) =>
    countdown(count, (done) => {
      for (let i = 0; i < count; i++)
        Promise.resolve()
          .then(func)
          .then(() => done());
    }),
  'p-queue': async (func, count) => {
    const queue = new PQueue();
    for (let i = 0; i < count; i++) queue.add(func);
    await queue.onIdle();
  },
  fastq: async (func, count) => {
    const queue = fastq.promise((task) => task(), Number.MAX_SAFE_INTEGER);
    for (let i = 0; i < count; i++) queue.push(func);
    await queue.drained();
  },
  '@nestjs/event-emitter': (func, count) =>
    countdown(count, (done) => {
      emitter.removeAllListeners('bench');
      emitter.on('bench', func, { async: true, promisify: true });
      for (let i = 0; i < count; i++) emitter.emitAsync('bench').then(() => done());
    }),
};

function countdown(count, start) {
  return new Promise((resolve) => {
    let left = count;
    start(() => {
      left -= 1;
      if (left === 0) resolve();
    });
  });
}

const noop = async () => {};

/** Nanoseconds a task, per arm and round. */
async function time(count) {
  const results = Object.fromEntries(Object.keys(ARMS).map((arm) => [arm, []]));
  const repeats = Math.max(1, Math.round((short ? 1e4 : 1e5) / count));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [arm, run] of Object.entries(ARMS)) {
      globalThis.gc();
      const start = process.hrtime.bigint();
      for (let i = 0; i < repeats; i++) await run(noop, count);
      const nanoseconds = Number(process.hrtime.bigint() - start) / count / repeats;
      if (round >= 0) results[arm].push(nanoseconds); // the first warms up
    }
  }
  return results;
}

/** Bytes of heap a task that runs and waits. */
async function weigh(arm, count) {
  let open;
  const gate = new Promise((resolve) => (open = resolve));
  const before = heap();
  const done = ARMS[arm](() => gate, count);
  await new Promise(setImmediate);
  const bytes = (heap() - before) / count;
  open();
  await done;
  return bytes;
}

function heap() {
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

await new AsyncLocalStorage().run({ requestId: 'bench' }, async () => {
  const byArm = Object.fromEntries(Object.keys(ARMS).map((arm) => [arm, {}]));
  for (const size of SIZES) {
    const results = await time(size);
    for (const arm of Object.keys(ARMS)) byArm[arm][size] = results[arm];
  }
  const compared = SIZES.slice(-2);
  console.log('### Ratio of nestjs-tasks to each peer: time a task, that many at once\n');
  console.log(
    table(
      ['peer', ...compared.map((size) => size.toLocaleString('en'))],
      Object.keys(ARMS)
        .slice(1)
        .map((arm) => [arm, ...compared.map((size) => show(ratio(byArm['nestjs-tasks'][size], byArm[arm][size])))]),
    ),
  );
  console.log('\n### Nanoseconds a task, and bytes of heap while it waits\n');
  const rows = [];
  for (const arm of Object.keys(ARMS)) {
    const bytes = [];
    for (let round = 0; round < ROUNDS; round++) bytes.push(await weigh(arm, short ? 1e4 : 1e5));
    rows.push([arm, ...SIZES.map((size) => show(summarize(byArm[arm][size]), 0)), show(summarize(bytes), 0)]);
  }
  console.log(table(['', ...SIZES.map((size) => `${size.toLocaleString('en')} at once`), 'bytes'], rows));
});
await context.close();
