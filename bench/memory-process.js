// One arm of memory.js: node --expose-gc memory-process.js <arm>
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { NestFactory } from '@nestjs/core';
import PQueue from 'p-queue';
import { Durable, TaskQueue, TasksModule } from '../dist/index.js';
import { answerParent } from './arm-process.js';
import { Runs } from './durable-runs.js';

const CONCURRENCY = 10;
/** Of the tasks in a full queue: on them a new application gets up to speed. */
const RUN_UP = 0.25;

let note;
class BenchTasks {
  async run(id) {
    note(id);
  }
}
// The decorator, called as TypeScript would.
Durable('bench.run')(BenchTasks.prototype, 'run', Object.getOwnPropertyDescriptor(BenchTasks.prototype, 'run'));
class AppModule {}

const ARMS = {
  'nestjs-tasks': {
    /** A queue that nobody works off yet. */
    async open() {
      // Its own worker runs as many at once as one of the defaults, which are ten.
      const imports = [TasksModule.forRoot({ queue: { url: 'memory://', worker: false } })];
      const providers = [BenchTasks];
      const module = { module: AppModule, imports, providers };
      const app = await NestFactory.createApplicationContext(module, { logger: false });
      const queue = app.get(TaskQueue);
      return {
        async fill(count) {
          for (let id = 0; id < count; id++) await queue.add(BenchTasks.prototype.run)(id);
        },
        start: () => void queue.runUntilFinished(),
        close: () => app.close(),
      };
    },
  },
  'p-queue': {
    async open() {
      const queue = new PQueue({ concurrency: CONCURRENCY, autoStart: false });
      return {
        async fill(count) {
          for (let id = 0; id < count; id++) void queue.add(async () => note(id));
        },
        start: () => void queue.start(),
        close: () => queue.onIdle(),
      };
    },
  },
};

const { open } = ARMS[process.argv[2]];

/** µs of CPU for each add to a queue that nobody works off; then, after the run-up, for each run, and runs a second. */
async function drain(count) {
  const queue = await open();
  globalThis.gc();
  const before = process.cpuUsage();
  await queue.fill(count);
  const { user, system } = process.cpuUsage(before);
  globalThis.gc();
  const runs = new Runs(count, count * RUN_UP);
  note = (id) => runs.note(id);
  queue.start();
  await runs.done;
  await queue.close();
  const ids = new Set(runs.starts.map(({ id }) => id));
  if (ids.size !== count) throw new Error(`${ids.size} of ${count} tasks have run`);
  return { ...runs.speed(), add: (user + system) / count };
}

const storage = new AsyncLocalStorage();
answerParent('ready', (count) => storage.run({ requestId: 'bench' }, () => drain(count)));
