// One arm of schedule.js: node --expose-gc schedule-process.js <arm>
import { AsyncLocalStorage } from 'node:async_hooks';
import { answerParent } from './arm-process.js';
import { OWN, PEERS } from './schedule-arms.js';

const noop = async () => {};
const schedule = await { ...OWN, ...PEERS }[process.argv[2]]();

async function run({ count, repeats }) {
  for (let i = 0; i < repeats; i++) await schedule(noop, count);
}

/** Nanoseconds a task. */
async function time(options) {
  globalThis.gc();
  const start = process.hrtime.bigint();
  await run(options);
  return Number(process.hrtime.bigint() - start) / options.count / options.repeats;
}

/** Nanoseconds of CPU a task, with those of the threads that collect garbage; for short slices, so without gc before. */
async function cpu(options) {
  const before = process.cpuUsage();
  await run(options);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / options.count / options.repeats;
}

/** Bytes of heap a task that runs and waits. */
async function weigh({ count }) {
  let open;
  const gate = new Promise((resolve) => (open = resolve));
  const before = heap();
  const done = schedule(() => gate, count);
  await new Promise(setImmediate);
  const bytes = (heap() - before) / count;
  open();
  await done;
  return bytes;
}

function heap() {
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

const MEASURES = { time, cpu, weigh };
const storage = new AsyncLocalStorage();
answerParent('ready', ({ measure, ...options }) =>
  storage.run({ requestId: 'bench' }, () => MEASURES[measure](options)),
);
