// What an addition within a transaction costs: from the commit to the start of the task, and the transaction itself. Against
// a plain `add()` after the commit.
import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { Durable, TaskQueue, TasksModule } from '../dist/index.js';
import { openRedis } from './durable-servers.js';
import { DATABASES } from './outbox-databases.js';
import { alternate } from './rounds.js';
import { quantile, ratio, show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? { rounds: 1 } : { rounds: 7, warmUps: 1 };
const ORDERS = short ? 10 : 100;

async function openApplication(queue) {
  let started = () => {};
  class Tasks {
    run() {
      started(performance.now());
    }
  }
  Durable('bench.run')(Tasks.prototype, 'run', Object.getOwnPropertyDescriptor(Tasks.prototype, 'run'));
  class AppModule {}
  const app = await NestFactory.createApplicationContext(
    { module: AppModule, imports: [TasksModule.forRoot({ queue })], providers: [Tasks] },
    { logger: false },
  );
  return {
    queue: app.get(TaskQueue),
    task: Tasks.prototype.run,
    nextStart: () => new Promise((resolve) => (started = resolve)),
    close: () => app.close(),
  };
}

/** One order after the other: the milliseconds of each transaction, and from its end to the start of the task. */
async function order({ app, database, isInside }) {
  const transactions = [];
  const latencies = [];
  for (let at = 0; at < ORDERS; at++) {
    const start = app.nextStart();
    const begun = performance.now();
    if (isInside) await database.transact((transaction) => app.queue.add(app.task, { transaction })());
    else await database.transact();
    const committed = performance.now();
    if (!isInside) await app.queue.add(app.task)();
    transactions.push(committed - begun);
    latencies.push((await start) - committed);
  }
  return {
    transaction: quantile(transactions, 0.5),
    latency: quantile(latencies, 0.5),
    slow: quantile(latencies, 0.95),
  };
}

const redis = await openRedis();
const rows = [];
try {
  for (const open of DATABASES) {
    const database = await open();
    const brokers = [
      ['Redis', redis.site(`outbox-${database.name}`)],
      ['memory', { url: 'memory://' }],
    ];
    for (const [broker, site] of brokers) {
      const app = await openApplication({ ...site, outbox: { database: database.database } });
      const arms = [false, true].map((isInside) => ({ app, database, isInside }));
      const [plain, inside] = await alternate(arms, ROUNDS, order);
      await app.close();
      const of = (results, figure) => results.map((result) => result[figure]);
      const more = of(inside, 'latency').map((latency, round) => latency - plain[round].latency);
      rows.push([
        `${database.name}, relayed to ${broker}`,
        show(summarize(more)),
        show(summarize(of(inside, 'latency'))),
        show(summarize(of(plain, 'latency'))),
        show(summarize(of(inside, 'slow'))),
        show(ratio(of(inside, 'transaction'), of(plain, 'transaction'))),
        show(summarize(of(inside, 'transaction'))),
      ]);
    }
    await database.close();
  }
} finally {
  await redis.close();
}
const head = [
  '',
  'ms more than a plain `add()`',
  'ms',
  'ms, plain',
  'ms, p95',
  'transaction: ratio',
  'transaction: ms',
];
console.log(table(head, rows));
