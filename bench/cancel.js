// What passes from the cancellation of a running task to its signal in another process: `queue.cancel(key)` against a
// message by pub/sub, or NOTIFY, and BullMQ's `worker.cancelJob()`. Fails when a task does not hear of it.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { startArm } from './arm-process.js';
import { ARMS as DURABLE_ARMS, isPostgres } from './durable-arms.js';
import { openPostgres, openRedis } from './durable-servers.js';
import { alternate } from './rounds.js';
import { quantile, ratio, show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? { rounds: 1 } : { rounds: 7, warmUps: 1 };
const TASKS = short ? 10 : 50;
/** The processes are at rest when a task is cancelled, in milliseconds. */
const PAUSE = 5;
const PATIENCE = 10_000;
const CHANNEL = 'bench_cancel';

/** Sends the message by hand. */
async function openPublisher(site) {
  if (!isPostgres(site)) {
    const client = new Redis(site.url);
    return { publish: (id) => client.publish(CHANNEL, id), close: () => client.disconnect() };
  }
  const client = new Client(site.url);
  await client.connect();
  return { publish: (id) => client.query('SELECT pg_notify($1, $2)', [CHANNEL, id]), close: () => client.end() };
}

async function openArm(name, server) {
  const site = server.site(name === 'by hand' ? 'cancel_hand' : 'cancel_tasks');
  const isByHand = name === 'by hand';
  const queue = await DURABLE_ARMS[isByHand ? 1 : 0].openQueue(site);
  const publisher = isByHand ? await openPublisher(site) : undefined;
  const worker = await startArm('./cancel-process.js', name, JSON.stringify(site), String(TASKS), CHANNEL);
  return {
    name,
    add: (id) => queue.add(id, { key: id }),
    cancel: (id) => (isByHand ? publisher.publish(id) : queue.queue.cancel(id)),
    ask: (question) => worker.ask(question),
    async close() {
      await worker.stop();
      publisher?.close();
      await queue.close();
    },
    started: 0,
  };
}

async function until(isTrue, what) {
  for (const end = performance.now() + PATIENCE; !(await isTrue()); await sleep(10)) {
    if (performance.now() > end) throw new Error(`${what} after ${PATIENCE} ms`);
  }
}

/** Milliseconds from each cancellation to the signal. */
async function measure(arm, round) {
  const ids = Array.from({ length: TASKS }, (_, at) => `round${round}-${at}`);
  await Promise.all(ids.map((id) => arm.add(id)));
  arm.started += TASKS;
  await until(async () => (await arm.ask('started')) === arm.started, `Tasks of ${arm.name} have not started`);
  const asked = new Map();
  for (const id of ids) {
    await sleep(PAUSE);
    asked.set(id, process.hrtime.bigint());
    await arm.cancel(id);
  }
  let heard = new Map();
  const hasHeard = async () => {
    heard = new Map(await arm.ask('heard'));
    return ids.every((id) => heard.has(id));
  };
  await until(hasHeard, `Tasks of ${arm.name} have not heard of their cancellation`);
  return ids.map((id) => Number(BigInt(heard.get(id)) - asked.get(id)) / 1e6);
}

for (const open of [openRedis, openPostgres]) {
  const server = await open();
  try {
    const arms = [await openArm('nestjs-tasks', server), await openArm('by hand', server)];
    const results = await alternate(arms, ROUNDS, measure);
    await Promise.all(arms.map((arm) => arm.close()));
    const row = (what, share) => {
      const values = results.map((rounds) => rounds.map((times) => quantile(times, share)));
      return [what, show(ratio(...values)), ...values.map((one) => show(summarize(one)))];
    };
    console.log(`\n#### ${server.name} ${server.version}\n`);
    console.log(
      table(
        ['ms from the call to the signal', 'ratio', ...arms.map(({ name }) => name)],
        [row('median', 0.5), row('90 %', 0.9)],
      ),
    );
  } finally {
    await server.close();
  }
}
