// The arms of durable.js behind one face: a whole application with TasksModule, and BullMQ by hand. A site is
// `{ url, prefix, name }`: a queue of its own on a database. Each task takes a number and a short text.
import { createRequire } from 'node:module';
import { NestFactory } from '@nestjs/core';
import { Durable, TaskQueue, TasksModule } from '../dist/index.js';

// The build that the library loads, so that both arms run the same code.
const { Queue, Worker, createPostgresBackend } = createRequire(import.meta.url)('bullmq');

async function openApplication(site, worker, run) {
  class BenchTasks {
    async run(id, _text) {
      return run(id);
    }
  }
  // The decorator, called as TypeScript would.
  Durable('bench.run')(BenchTasks.prototype, 'run', Object.getOwnPropertyDescriptor(BenchTasks.prototype, 'run'));
  class AppModule {}
  const imports = [TasksModule.forRoot({ queue: { ...site, worker, retention: '15m' } })];
  const providers = [BenchTasks];
  const app = await NestFactory.createApplicationContext({ module: AppModule, imports, providers }, { logger: false });
  return { queue: app.get(TaskQueue), task: BenchTasks.prototype.run, close: () => app.close() };
}

const library = {
  name: 'nestjs-tasks',
  async openQueue(site) {
    const { queue, task, close } = await openApplication(site, false, () => {});
    return {
      queue,
      add: (id, { at, key } = {}) => queue.add(task, { when: at && new Date(at), key })(id, 'a'),
      close,
    };
  },
  openWorker: (site, concurrency, run) => openApplication(site, { concurrency }, run),
};

const bullmq = {
  name: 'BullMQ',
  async openQueue(site) {
    const queue = openBullMqQueue(site);
    await queue.waitUntilReady();
    return {
      queue,
      add: (id, { at, key } = {}) =>
        queue.add(
          'bench.run',
          { id, text: 'a' },
          { ...(at && { delay: at - Date.now() }), ...(key && { jobId: key }) },
        ),
      addBulk: (count) =>
        queue.addBulk(Array.from({ length: count }, (_, id) => ({ name: 'bench.run', data: { id, text: 'a' } }))),
      close: () => queue.close(),
    };
  },
  async openWorker(site, concurrency, run) {
    const worker = new Worker(site.name, async ({ data }) => run(data.id), ...bullMqWorkerOptions(site, concurrency));
    await worker.waitUntilReady();
    return { close: () => worker.close() };
  },
};

export const isPostgres = ({ url }) => url.startsWith('postgres');
const backendOf = (site) => (isPostgres(site) ? [createPostgresBackend] : []);

function connectionTo(site) {
  const { url, prefix } = site;
  if (isPostgres(site)) return { connection: { connectionString: url, schema: prefix, migrate: true } };
  return { connection: { url, maxRetriesPerRequest: null }, prefix };
}

/** What BullMQ's `Worker` takes behind its processor. */
export function bullMqWorkerOptions(site, concurrency) {
  return [{ ...connectionTo(site), concurrency, removeOnComplete: { age: 15 * 60 } }, ...backendOf(site)];
}

function openBullMqQueue(site) {
  return new Queue(site.name, connectionTo(site), ...backendOf(site));
}

/** How many of either arm's tasks are in each of BullMQ's states. */
export async function countsOf(site) {
  const queue = openBullMqQueue(site);
  const counts = await queue.getJobCounts();
  await queue.close();
  return counts;
}

export const ARMS = [library, bullmq];
