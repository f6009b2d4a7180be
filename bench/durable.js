// What durable tasks cost over BullMQ by hand: both arms in turns in one process, on Redis and on PostgreSQL, with
// AsyncLocalStorage in use. Fails when a task does not run exactly once, or an arm is far behind the other.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { ARMS } from './durable-arms.js';
import { add, drain, expect, startLater, startOne, weigh } from './durable-measures.js';
import { openPostgres, openRedis } from './durable-servers.js';
import { quantile, ratio, show, summarize, table } from './statistics.js';

/** Far from what is measured: only nonsense is to be caught, on any machine and under any load. */
function expectRatio([ours, peer], { least = 0, most = Infinity }, what) {
  const { median } = ratio(ours, peer);
  expect(median >= least && median <= most, `${what} is ${median.toFixed(2)} of BullMQ's`);
}

async function rowsOf(server) {
  const { name } = server;
  const isRedis = name === 'Redis';
  const { inTurn, atOnce, inBulk } = await add(server);
  const drained = { 10: await drain(server, 10), 50: await drain(server, 50) };
  const started = await startOne(server);
  const late = await startLater(server);
  const at = (share) => (arms) => arms.map((rounds) => rounds.map((values) => quantile(values, share)));
  expectRatio(inTurn, { least: 0.1 }, `The rate of adding in turn on ${name}`);
  expectRatio(atOnce, { least: isRedis ? 0.1 : 1 }, `The rate of adding at once on ${name}`);
  expectRatio(inBulk, { least: 0.1 }, `The rate of adding at once, to addBulk(), on ${name}`);
  for (const { rate } of Object.values(drained)) expectRatio(rate, { least: 0.1 }, `The rate of no-ops on ${name}`);
  expectRatio(at(0.5)(started), { most: 10 }, `The delay of starts on ${name}`);
  expectRatio(at(0.5)(late), { most: 10 }, `The lateness on ${name}`);
  const rows = [
    ['adds a second, one after the other', inTurn, 0],
    ['adds a second, 1,000 at once, against `add()`', atOnce, 0],
    ['adds a second, 1,000 at once, against `addBulk()`', inBulk, 0],
    ['no-ops a second, concurrency 10', drained[10].rate, 0],
    ['no-ops a second, concurrency 50', drained[50].rate, 0],
    ['µs of CPU a no-op, concurrency 10', drained[10].cpu, 0],
    ['µs of CPU a no-op, concurrency 50', drained[50].cpu, 0],
    ['ms from `add` to start, median', at(0.5)(started), 2],
    ['ms from `add` to start, 99 %', at(0.99)(started), 2],
    ['ms late when scheduled, median', at(0.5)(late), 2],
    ['ms late when scheduled, 99 %', at(0.99)(late), 2],
  ];
  if (!isRedis) return rows;
  const weights = [await weigh(server), await weigh(server, (id) => ({ key: `k${id}` }))];
  for (const bytes of weights) expectRatio(bytes, { most: 3 }, 'The memory of a waiting task');
  return [
    ...rows,
    ['bytes while it waits, without key', weights[0], 0],
    ['bytes while it waits, with a key of up to 5', weights[1], 0],
  ];
}

await new AsyncLocalStorage().run({ requestId: 'bench' }, async () => {
  for (const open of [openRedis, openPostgres]) {
    const server = await open();
    try {
      const rows = await rowsOf(server);
      console.log(`\n#### ${server.name} ${server.version}\n`);
      console.log(
        table(
          ['', 'ratio', ...ARMS.map(({ name }) => name)],
          rows.map(([what, arms, digits]) => [
            what,
            show(ratio(...arms)),
            ...arms.map((values) => show(summarize(values), digits)),
          ]),
        ),
      );
    } finally {
      await server.close();
    }
  }
});
