import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { TaskScheduler } from 'nestjs-tasks';
import { AppModule } from './app.module.js';
import { orderByGraphql, orderByRest, orderByTcp, orderByWebSocket, Watcher } from './stage/clients.js';
import { noteReplies } from './stage/replies.js';
import { Timeline } from './stage/timeline.js';

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
app.useWebSocketAdapter(new WsAdapter(app));
const timeline = app.get(Timeline);
app.use(noteReplies.ofHttp(timeline));
const microservice = app.connectMicroservice<MicroserviceOptions>({
  transport: Transport.TCP,
  options: { host: '127.0.0.1', port: 0, socketClass: noteReplies.ofTcp(timeline) },
});
await app.startAllMicroservices();
await app.listen(0, '127.0.0.1');
const url = await app.getUrl();
const { port } = microservice.unwrap<{ address(): AddressInfo }>().address();
const scheduler = app.get(TaskScheduler);

async function scene(title: string, order: () => Promise<unknown>): Promise<void> {
  timeline.begin(title);
  const answer = await order();
  timeline.note('client', JSON.stringify(answer));
}

timeline.begin('Server-sent events: a watcher comes');
const watcher = new Watcher();
await watcher.watch(url);

await scene('REST', () => orderByRest(url, { flower: 'tulip', count: 12 }));
await sent();
await scene('REST: more than there are', () => orderByRest(url, { flower: 'tulip', count: 1_000 }));
await sent();
await scene('GraphQL: two mutations', () =>
  orderByGraphql(url, { flower: 'rose', count: 1 }, { flower: 'aster', count: 3 }),
);
await sent();
await scene('TCP', () => orderByTcp(port, { flower: 'lily', count: 2 }));
await sent();
await scene('TCP: more than there are', () => orderByTcp(port, { flower: 'lily', count: 1_000 }));
await sent();

timeline.begin('Server-sent events: the watcher leaves');
await watcher.leave();
await scheduler.idle();
timeline.note('client', `has seen ${watcher.seen.length} orders`);

await scene('WebSocket, and shutdown while the receipt is on its way', () =>
  orderByWebSocket(url, { flower: 'iris', count: 5 }),
);
timeline.note('shutdown', 'begins');
await app.close();
const { succeeded, discarded } = scheduler.counts;
timeline.note('shutdown', `has ended: ${succeeded} tasks succeeded, ${discarded} were discarded`);

/** All receipts were. The watcher's request is open, so that `idle()` would wait for it. */
async function sent(): Promise<void> {
  await Promise.all(scheduler.running.map(({ done }) => done));
}
