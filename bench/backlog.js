// How the cost of operations grows with what waits: the library on each broker, and BullMQ by hand beside it. Fails when an
// operation has not done what it says.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { parseArgs } from 'node:util';
import { ARMS } from './durable-arms.js';
import { Runs } from './durable-runs.js';
import { openPostgres, openRedis } from './durable-servers.js';
import { afterGc, alternate } from './rounds.js';
import { show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? { rounds: 1 } : { rounds: 3, warmUps: 1 };
const SIZES = short ? [1_000, 2_000] : [1_000, 10_000, 100_000];
const AT_ONCE = 1_000;
/** How many run, the first of them uncounted: a new application gets up to speed on them. */
const RUN = { count: 500, runUp: 100 };
const LOOKS = 5;

const [library, bullmq] = ARMS;

/** The same operations of both: `clear` tells how many are left. */
const OPERATIONS = new Map([
  [
    library,
    {
      list: ({ queue }) => queue.snapshot().then(({ executions }) => executions.length),
      get: ({ queue }, key) => queue.get(key),
      cancel: ({ queue }, key) => queue.cancel(key),
      clear: ({ queue }) => queue.clear(),
      left: ({ queue }) => queue.snapshot({ limit: 0 }).then(({ total }) => total),
    },
  ],
  [
    bullmq,
    {
      list: ({ queue }) => queue.getJobs(['waiting'], 0, 999).then((jobs) => jobs.length),
      get: ({ queue }, key) => queue.getJob(key),
      cancel: ({ queue }, key) => queue.remove(key),
      clear: ({ queue }) => queue.drain(),
      left: ({ queue }) => queue.count(),
    },
  ],
]);

const WHAT = [
  ['adds a second, 1,000 at once', 'added', 0],
  ['no-ops a second, concurrency 10', 'ran', 0],
  ['ms for a look at 1,000', 'list', 1],
  ['ms for a look at one', 'get', 2],
  ['ms to cancel one', 'cancel', 2],
  ['ms to clear all', 'clear', 0],
  ['ms of the longest command of a look at 1,000', 'longestList', 1],
  ['ms of the longest command that clears', 'longestClear', 1],
];

async function timeOf(act) {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

async function middleOf(act) {
  const times = [];
  for (let look = 0; look < LOOKS; look++) times.push(await timeOf(() => act(look)));
  return summarize(times).median;
}

function expect(isTrue, what) {
  if (!isTrue) throw new Error(what);
}

async function fill(queue, size) {
  for (let from = 0; from < size; from += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => queue.add(from + at, { key: `k${from + at}` })));
  }
}

/** How many of what waits run in a second. Where processes share nothing, all of it runs. */
async function run(arm, site, queue, size) {
  if (site.url === 'memory://') return (size * 1_000) / (await timeOf(() => queue.queue.runUntilFinished()));
  const runs = new Runs(RUN.count, RUN.runUp);
  const worker = await arm.openWorker(site, 10, (id) => runs.note(id));
  await runs.done;
  await worker.close();
  return runs.speed().rate;
}

async function measure(server, arm, size, round) {
  const site = server.site(`backlog-${arm.name}-${size}-${round}`);
  const { list, get, cancel, clear, left } = OPERATIONS.get(arm);
  const longest = server.longestCommand ?? (async (act) => (await act(), undefined));
  const queue = await arm.openQueue(site);
  const key = (at) => `k${size / 2 + at}`;
  const measured = {};
  measured.added = (size * 1_000) / (await timeOf(() => fill(queue, size)));
  measured.longestList = await longest(async () => {
    measured.list = await middleOf(async () => expect((await list(queue)) === 1_000, 'A look at 1,000 shows others'));
  });
  measured.get = await middleOf(async (at) => expect(await get(queue, key(at)), 'A look finds nothing'));
  measured.cancel = await middleOf((at) => cancel(queue, key(at)));
  expect((await left(queue)) === size - LOOKS, 'What was cancelled still waits');
  if (site.url !== 'memory://') measured.ran = await run(arm, site, queue, size);
  measured.longestClear = await longest(async () => {
    measured.clear = await timeOf(() => clear(queue));
  });
  expect((await left(queue)) === 0, 'What was cleared still waits');
  if (site.url === 'memory://') {
    await fill(queue, size);
    measured.ran = await run(arm, site, queue, size);
  }
  await queue.close();
  return measured;
}

const memory = { name: 'Memory', version: '', site: (name) => ({ url: 'memory://', name }), close: () => {} };

await new AsyncLocalStorage().run({ requestId: 'bench' }, async () => {
  for (const open of [openRedis, openPostgres, () => memory]) {
    const server = await open();
    const arms = server === memory ? [library] : ARMS;
    try {
      const bySize = [];
      for (const size of SIZES) {
        bySize.push(
          await alternate(
            arms,
            ROUNDS,
            afterGc((arm, round) => measure(server, arm, size, round)),
          ),
        );
      }
      console.log(`\n#### ${`${server.name} ${server.version}`.trim()}\n`);
      const rows = WHAT.flatMap(([what, field, digits]) =>
        arms.flatMap(({ name }, arm) => {
          const rounds = bySize.map((results) => results[arm].map((measured) => measured[field]));
          if (rounds.flat().includes(undefined)) return [];
          return [[what, name, ...rounds.map((values) => show(summarize(values), digits))]];
        }),
      );
      console.log(table(['', '', ...SIZES.map((size) => `${size.toLocaleString('en')} waiting`)], rows));
    } finally {
      await server.close();
    }
  }
});
