// One worker process of cancel.js: runs tasks that wait for their signal, and tells when each has heard it.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { currentTask } from '../dist/index.js';
import { answerParent } from './arm-process.js';
import { ARMS, bullMqWorkerOptions, isPostgres } from './durable-arms.js';

const { Worker } = createRequire(import.meta.url)('bullmq');
const [arm, siteText, concurrency, channel] = process.argv.slice(2);
const site = JSON.parse(siteText);
const started = new Set();
/** By id, in nanoseconds of a clock that all processes share. */
const heard = new Map();

function untilAborted(id, signal) {
  started.add(id);
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      heard.set(id, process.hrtime.bigint().toString());
      reject(signal.reason instanceof Error ? signal.reason : new Error('cancelled'));
    });
  });
}

const OPEN = {
  'nestjs-tasks': () => ARMS[0].openWorker(site, Number(concurrency), (id) => untilAborted(id, currentTask().signal)),
  async 'by hand'() {
    const worker = new Worker(
      site.name,
      (job, _token, signal) => untilAborted(job.data.id, signal),
      ...bullMqWorkerOptions(site, Number(concurrency)),
    );
    await worker.waitUntilReady();
    await listen((id) => worker.cancelJob(id));
  },
};

async function listen(hear) {
  if (!isPostgres(site)) {
    const subscriber = new Redis(site.url);
    await subscriber.subscribe(channel);
    subscriber.on('message', (_channel, id) => hear(id));
    return;
  }
  const client = new Client(site.url);
  await client.connect();
  client.on('notification', ({ payload }) => hear(payload));
  await client.query(`LISTEN ${channel}`);
}

await new AsyncLocalStorage().run({ requestId: 'bench' }, OPEN[arm]);
answerParent('ready', (question) => (question === 'heard' ? [...heard] : started.size));
