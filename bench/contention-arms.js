// The arms of contention.js behind one face: `@ConcurrencyLimit(1)` on a parameter, and the pattern that is common with
// bare BullMQ: a lock for each key, and a job that does not get it is put off by 100 ms. Each execution takes a key and a
// number.
import { createRequire } from 'node:module';
import { Redis } from 'ioredis';
import { NestFactory } from '@nestjs/core';
import { ConcurrencyLimit, Durable, TaskQueue, TasksModule } from '../dist/index.js';

// The build that the library loads, so that both arms run the same code.
const { DelayedError, Queue, Worker } = createRequire(import.meta.url)('bullmq');

const CONCURRENCY = 100;
/** Of the other arm, in milliseconds. */
const RETRY_DELAY = 100;
const LOCK_TTL = 30_000;

async function openApplication(site, worker, run) {
  class BenchTasks {
    async run(key, id) {
      return run(key, id);
    }
  }
  // The decorators, called as TypeScript would.
  ConcurrencyLimit(1)(BenchTasks.prototype, 'run', 0);
  Durable('bench.run')(BenchTasks.prototype, 'run', Object.getOwnPropertyDescriptor(BenchTasks.prototype, 'run'));
  class AppModule {}
  const imports = [TasksModule.forRoot({ queue: { ...site, worker, retention: '15m' } })];
  const providers = [BenchTasks];
  const app = await NestFactory.createApplicationContext({ module: AppModule, imports, providers }, { logger: false });
  return { queue: app.get(TaskQueue), task: BenchTasks.prototype.run, close: () => app.close() };
}

/** Adds one for each number; as many strikes are in force on others of them. */
export async function openAdder(site, strikes) {
  const { queue, task, close } = await openApplication(site, false, () => {});
  await Promise.all(Array.from({ length: strikes }, (_, number) => queue.strike(task, 'key', '==', number)));
  expect((await queue.strikes()).length === strikes, `${strikes} strikes are not in force`);
  return { add: (number) => queue.add(task)(number, 0), close };
}

const library = {
  name: 'nestjs-tasks',
  async fill(site, keys) {
    const { queue, task, close } = await openApplication(site, false, () => {});
    await Promise.all(keys.map((key, id) => queue.add(task)(key, id)));
    await close();
  },
  openWorker: (site, run) => openApplication(site, { concurrency: CONCURRENCY }, run),
};

const retryLater = {
  name: 'BullMQ, retry later',
  async fill(site, keys) {
    const queue = new Queue(site.name, connectionTo(site));
    await Promise.all(keys.map((key, id) => queue.add('bench.run', { key, id })));
    await queue.close();
  },
  async openWorker(site, run) {
    const locks = new Redis(site.url);
    const lockOf = (key) => `${site.prefix}:${site.name}/lock:${key}`;
    async function act(job, token) {
      const { key, id } = job.data;
      if ((await locks.set(lockOf(key), token, 'PX', LOCK_TTL, 'NX')) === null) {
        await job.moveToDelayed(Date.now() + RETRY_DELAY, token);
        throw new DelayedError();
      }
      await run(key, id);
      await locks.del(lockOf(key));
    }
    const options = { ...connectionTo(site), concurrency: CONCURRENCY, removeOnComplete: { age: 15 * 60 } };
    const worker = new Worker(site.name, act, options);
    await worker.waitUntilReady();
    return {
      async close() {
        await worker.close();
        locks.disconnect();
      },
    };
  },
};

function connectionTo({ url, prefix }) {
  return { connection: { url, maxRetriesPerRequest: null }, prefix };
}

/** What BullMQ has written down: how often the executions were started, one by one. */
export async function activationsOf(site) {
  const queue = new Queue(site.name, connectionTo(site));
  const jobs = await queue.getJobs(['completed']);
  await queue.close();
  return jobs.map(({ attemptsStarted }) => attemptsStarted);
}

export function expect(isRight, message) {
  if (!isRight) throw new Error(message);
}

export const ARMS = [library, retryLater];
