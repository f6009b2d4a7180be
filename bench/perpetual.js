// What one run of a perpetual task costs, which re-schedules itself: 200 chains of 20 runs, a millisecond apart. Against as
// many plain executions of ours, and against jobs of BullMQ that delay themselves as its documentation says. In turns in
// one process, on Redis and in memory, with AsyncLocalStorage in use.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { Durable, Perpetual, TaskContext, TaskQueue, TasksModule } from '../dist/index.js';
import { Runs } from './durable-runs.js';
import { openRedis } from './durable-servers.js';
import { afterGc, alternate } from './rounds.js';
import { ratio, show, summarize, table } from './statistics.js';

// The build that the library loads, so that both arms run the same code.
const { DelayedError, Queue, Worker } = createRequire(import.meta.url)('bullmq');

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? { rounds: 1 } : { rounds: 7, warmUps: 1 };
const CHAINS = short ? 10 : 200;
const LENGTH = 20;
const ALL = CHAINS * LENGTH;
const CONCURRENCY = 50;
const DELAY = 1;

async function openApplication(site, run) {
  class BenchTasks {
    async chain(at) {
      const { perpetual } = app.get(TaskContext);
      run();
      if (at < LENGTH) perpetual.perpetuate(at + 1);
      else perpetual.cancel();
    }

    async plain() {
      run();
    }
  }
  // The decorators, called as TypeScript would.
  const { prototype } = BenchTasks;
  Perpetual({ every: DELAY })(prototype, 'chain', Object.getOwnPropertyDescriptor(prototype, 'chain'));
  Durable('bench.plain')(prototype, 'plain', Object.getOwnPropertyDescriptor(prototype, 'plain'));
  class AppModule {}
  const imports = [TasksModule.forRoot({ queue: { ...site, worker: { concurrency: CONCURRENCY }, retention: '15m' } })];
  const module = { module: AppModule, imports, providers: [BenchTasks] };
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  return { queue: app.get(TaskQueue), tasks: prototype, close: () => app.close() };
}

/** Adds `count` at once. */
const addAll = (count, add) => Promise.all(Array.from({ length: count }, (_, at) => add(at)));

const perpetual = {
  name: 'perpetual',
  async open(site, run) {
    const { queue, tasks, close } = await openApplication(site, run);
    return { start: () => addAll(CHAINS, (at) => queue.add(tasks.chain, { key: `k${at}` })(1)), close };
  },
};

const plain = {
  name: 'plain',
  async open(site, run) {
    const { queue, tasks, close } = await openApplication(site, run);
    return { start: () => addAll(ALL, () => queue.add(tasks.plain)()), close };
  },
};

const byHand = {
  name: 'BullMQ by hand',
  async open({ url, prefix, name }, run) {
    const connection = { connection: { url, maxRetriesPerRequest: null }, prefix };
    const queue = new Queue(name, connection);
    async function act(job, token) {
      run();
      const { at } = job.data;
      if (at === LENGTH) return;
      await job.updateData({ at: at + 1 });
      await job.moveToDelayed(Date.now() + DELAY, token);
      throw new DelayedError();
    }
    const options = { ...connection, concurrency: CONCURRENCY, removeOnComplete: { age: 15 * 60 } };
    const worker = new Worker(name, act, options);
    await worker.waitUntilReady();
    return {
      start: () => addAll(CHAINS, () => queue.add('bench.chain', { at: 1 })),
      async close() {
        await worker.close();
        await queue.close();
      },
    };
  },
};

async function measure(server, arm, round) {
  const runs = new Runs(ALL);
  const stage = await arm.open(server.site(`perpetual-${round}-${arm.name.replaceAll(' ', '-')}`), () => runs.note());
  const before = await server.scripts();
  await stage.start();
  await runs.done;
  const scripts = (await server.scripts()) - before;
  await stage.close();
  if (runs.starts.length !== ALL) throw new Error(`${arm.name} ran ${runs.starts.length} times instead of ${ALL}`);
  return { ...runs.speed(), scripts: (scripts - (arm === plain ? ALL : CHAINS)) / ALL };
}

async function report(server, arms, figures) {
  const results = await alternate(
    arms,
    ROUNDS,
    afterGc((arm, round) => measure(server, arm, round)),
  );
  const [ours, ...others] = arms;
  console.log(`\n#### ${server.name}\n`);
  const rows = Object.entries(figures).map(([figure, [what, digits]]) => {
    const values = results.map((rounds) => rounds.map((result) => result[figure]));
    return [
      what,
      ...others.map((_, at) => show(ratio(values[0], values[at + 1]))),
      ...values.map((v) => show(summarize(v), digits)),
    ];
  });
  const head = ['', ...others.map(({ name }) => `ratio to ${name}`), ours.name, ...others.map(({ name }) => name)];
  console.log(table(head, rows));
}

const memory = { name: 'Memory', site: () => ({ url: 'memory://' }), scripts: async () => 0 };
const SPEED = { rate: ['runs a second', 0], cpu: ['µs of CPU a run', 0] };

await new AsyncLocalStorage().run({ requestId: 'bench' }, async () => {
  await report(memory, [perpetual, plain], SPEED);
  const server = await openRedis();
  try {
    const figures = { ...SPEED, scripts: ['scripts a run, without those that add', 2] };
    await report(server, [perpetual, plain, byHand], figures);
  } finally {
    await server.close();
  }
});
