import diagnosticsChannel from 'node:diagnostics_channel';
import { NestFactory } from '@nestjs/core';
import { TASK_CHANNEL, TaskScheduler, type TaskEvent } from 'nestjs-tasks';
import { AppModule } from './app.module.js';
import { readMetrics, shutDown, timeline } from './telemetry.js';

const heard = new Map<string, number>();
diagnosticsChannel.subscribe(TASK_CHANNEL, (message) => {
  const { type } = message as TaskEvent;
  heard.set(type, (heard.get(type) ?? 0) + 1);
});

const app = await NestFactory.create(AppModule, { logger: ['fatal'] });
await app.listen(0, '127.0.0.1');
const url = await app.getUrl();
const scheduler = app.get(TaskScheduler);

function print(title: string, lines: readonly string[]): void {
  console.log(`\n${title}\n`);
  for (const line of lines) console.log(`   ${line}`);
}

async function order(id: string): Promise<void> {
  await fetch(`${url}/orders/${id}`, { method: 'POST', headers: { baggage: 'tenant=acme', connection: 'close' } });
}

async function health(): Promise<string> {
  const response = await fetch(`${url}/health`, { headers: { connection: 'close' } });
  const { details } = (await response.json()) as { details: { tasks: Record<string, unknown> } };
  const { status, message, running, oldestTask, oldestAge } = details.tasks;
  const why = message === undefined ? '' : ` (${String(message)})`;
  return `${response.status}: ${String(status)}${why}, ${String(running)} running, ${String(oldestTask)} for ${String(oldestAge)} ms`;
}

await order('17');
const busy = await health();
await scheduler.idle();
print('An order: each task has a trace of its own, linked to the request. 10 ms a character', timeline.draw());

await order('sold-out');
await scheduler.idle();
print('An order that fails: its tasks are discarded, and have a span all the same', timeline.draw());

print('Metrics', await readMetrics());

// A shielded task holds the shutdown, and the server still answers: not for long.
await order('18');
const closed = app.close();
const draining = await health();
await closed;
print('Health', [`an order is charged: ${busy}`, `and shutdown begins: ${draining}`]);

print('Heard on the diagnostics channel', [[...heard].map(([type, count]) => `${type} ${count}`).join(', ')]);
await shutDown();
