// What the library adds to a request. Each arm is a server of its own; all are alive, and loaded one at a time, in many short
// slices. Each round starts all servers again, since two processes with the same code may differ by some percent.
import { parseArgs } from 'node:util';
import { startArm } from './arm-process.js';
import { HttpLoad } from './http-load.js';
import { alternateInBlocks } from './rounds.js';
import { ratio, show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? 1 : 7;
/** Of a round; the median of their ratios is the round's. */
const BLOCKS = short ? { blocks: 1, slices: 2 } : { blocks: 5, slices: 4 };
/** Of a slice: some 30 ms. A block has enough of them for several collections of garbage. */
const REQUESTS = short ? { express: 20, fastify: 20 } : { express: 250, fastify: 500 };
const WARM_UP = short ? 100 : 10_000;

const ARMS = {
  bare: 'a bare application',
  again: 'the same in another process: the noise',
  context: 'a bare application, AsyncLocalStorage in use',
  promise: 'a promise that is not awaited, by hand',
  finish: "`on('finish', …)`, by hand",
  interceptor: 'an empty global interceptor',
  scoped: 'a bare request-scoped controller',
  unused: 'TasksModule, a route without tasks',
  decorated: '`@Tasks()` and one after-response task',
  injected: 'constructor injection and one after-response task',
};
const COMPARISONS = [
  ['again', 'bare'],
  ['context', 'bare'],
  ['promise', 'bare'],
  ['finish', 'bare'],
  ['interceptor', 'bare'],
  ['scoped', 'bare'],
  ['unused', 'bare'],
  ['decorated', 'bare'],
  ['decorated', 'interceptor'],
  ['injected', 'bare'],
  ['injected', 'scoped'],
];
const WORKING = new Set(['promise', 'finish', 'decorated', 'injected']);

async function openServer(adapter, arm) {
  const { greeting: url, ask, stop } = await startArm('./http-server.js', adapter, arm);
  const load = await HttpLoad.open(url);
  let sent = 1; // when it was opened
  const send = async (count) => {
    sent += count;
    await load.run(count);
  };
  return {
    send,
    /** µs of the server's CPU for a request. */
    async measure(count) {
      const before = await ask('usage');
      await send(count);
      const after = await ask('usage');
      return (after.cpu - before.cpu) / count;
    },
    async stop() {
      const { ran } = await ask('usage');
      load.close();
      await stop();
      const expected = WORKING.has(arm) ? sent : 0;
      if (ran !== expected)
        throw new Error(`${ARMS[arm]} ran its work ${ran} times for ${sent} requests on ${adapter}`);
    },
  };
}

/** The ratio of each comparison, and the cost of each arm, in each round. */
async function measure(adapter) {
  const ratios = COMPARISONS.map(() => []);
  const costs = new Map(Object.keys(ARMS).map((arm) => [arm, []]));
  for (let round = 0; round < ROUNDS; round++) {
    const byArm = new Map();
    for (const arm of Object.keys(ARMS)) byArm.set(arm, await openServer(adapter, arm));
    for (const server of byArm.values()) await server.send(WARM_UP);
    // All in turns, so that V8 has had as much of each: one that has answered more requests is optimized further.
    const servers = [...byArm.values()];
    const results = await alternateInBlocks(servers, BLOCKS, (server) => server.measure(REQUESTS[adapter]));
    const byName = new Map([...byArm.keys()].map((arm, at) => [arm, results[at]]));
    for (const [index, [arm, base]] of COMPARISONS.entries())
      ratios[index].push(ratio(byName.get(arm), byName.get(base)).median);
    for (const [arm, values] of byName) costs.get(arm).push(...values);
    for (const server of byArm.values()) await server.stop();
  }
  return { ratios, costs };
}

for (const adapter of ['express', 'fastify']) {
  const { ratios, costs } = await measure(adapter);
  console.log(`\n#### ${adapter}\n`);
  console.log(
    table(
      ['', 'compared with', 'ratio of CPU'],
      COMPARISONS.map(([arm, base], index) => [ARMS[arm], ARMS[base], show(summarize(ratios[index]))]),
    ),
  );
  console.log(
    `\n${table(
      ['', 'µs of CPU a request'],
      Object.entries(ARMS).map(([arm, name]) => [name, show(summarize(costs.get(arm)), 1)]),
    )}`,
  );
}
