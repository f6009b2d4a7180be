import { NestFactory } from '@nestjs/core';
import { TaskQueue } from 'nestjs-tasks';
import { AppModule } from './app.module.js';
import { OrderTasks } from './order.tasks.js';
import { Partner } from './partner.js';

const ORDERS = 500;
const PER_SECOND = 50;

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const queue = app.get(TaskQueue);
const orders = app.get(OrderTasks);
const partner = app.get(Partner);

function say(step: string): void {
  console.log(`\n${step}`);
}

say(`03:00  The partner goes down, and ${ORDERS} orders fail`);
partner.isDown = true;
const keys = Array.from({ length: ORDERS }, (_, order) => `order:${order}`);
const added = await Promise.all(keys.map((key, order) => queue.add(orders.handOver, { key })(order)));
await Promise.all(added.map((execution) => execution.result().catch(() => {}))); // each fails twice

say('03:05  One looks: queue.failures()');
const [group] = await queue.failures({ since: '1h' });
if (group === undefined) throw new Error('Nothing has failed');
console.log(`   ${group.count} × ${group.task}: ${group.error.name}: ${group.error.message}`);

say(`03:06  One of them: ${group.example}`);
const example = await queue.get(group.example);
for (const { type, reason } of example?.trail ?? []) console.log(`   ${type}: ${reason}`);

say('03:10  Nothing more is to fail: queue.pause()');
await queue.pause({ reason: 'the partner is down' });
await queue.add(orders.handOver, { key: `order:${ORDERS}` })(ORDERS);
const { counts } = await queue.snapshot({ limit: 0 });
console.log(`   ${counts.queued} execution waits`);

say('04:20  The partner is back: queue.resume()');
partner.isDown = false;
await queue.resume();

say(`04:21  Retried, ${PER_SECOND} a second: queue.retryAll()`);
const began = Date.now();
const bulk = await queue.retryAll({ state: 'failed', task: group.task, since: '1h' }, { perSecond: PER_SECOND });
let shown = -1;
bulk.events$.subscribe(({ progress }) => {
  if (progress === undefined) return;
  const share = Math.floor((progress.current / progress.total) * 5);
  if (share <= shown) return;
  shown = share;
  console.log(`   ${progress.current} of ${progress.total}`);
});
const { matched, done, skipped } = await bulk.result();
await queue.runUntilFinished();
console.log(
  `   ${matched} matched, ${done} retried, ${skipped} skipped, in ${Math.round((Date.now() - began) / 1_000)} s`,
);

say('04:32  What is left?');
console.log(`   failures: ${(await queue.failures()).length}, orders at the partner: ${partner.accepted.size}`);

await app.close();
