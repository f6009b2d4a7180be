// What the library adds to a request. Each arm is a server of its own; all of them are loaded in turns, so that what
// disturbs the machine disturbs all.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { ratio, show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? 1 : 7;
/** Of each arm in each round. In seconds, and in milliseconds: it ends with a sample. */
const LOAD = short ? { amount: 1_000, sampleInt: 100 } : { duration: 2 };

const ARMS = {
  bare: 'a bare application',
  context: 'a bare application, AsyncLocalStorage in use',
  interceptor: 'an empty global interceptor',
  unused: 'TasksModule, unused',
  decorated: '`@Tasks()` and one after-response task',
  injected: 'constructor injection and one after-response task',
};

async function startServer(adapter, arm) {
  const child = fork(new URL('./http-server.js', import.meta.url), [adapter, arm]);
  const [{ url }] = await once(child, 'message');
  const cpu = async () => {
    child.send('cpu');
    const [message] = await once(child, 'message');
    return message.cpu;
  };
  return { url, cpu, stop: () => child.disconnect() };
}

async function load({ url, cpu }) {
  const before = await cpu();
  const { requests, non2xx, errors, duration } = await autocannon({ url, connections: 32, ...LOAD });
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed at ${url}`);
  return { cpu: ((await cpu()) - before) / requests.total, rate: requests.total / duration };
}

for (const adapter of ['express', 'fastify']) {
  const servers = {};
  for (const arm of Object.keys(ARMS)) servers[arm] = await startServer(adapter, arm);
  const cpu = Object.fromEntries(Object.keys(ARMS).map((arm) => [arm, []]));
  const rate = Object.fromEntries(Object.keys(ARMS).map((arm) => [arm, []]));
  for (const server of short ? [] : Object.values(servers)) await load(server); // warms up
  for (let round = 0; round < ROUNDS; round++) {
    for (const [arm, server] of Object.entries(servers)) {
      const result = await load(server);
      cpu[arm].push(result.cpu);
      rate[arm].push(result.rate);
    }
  }
  for (const server of Object.values(servers)) server.stop();
  console.log(`\n### ${adapter}\n`);
  console.log(
    table(
      ['', 'CPU to bare', 'CPU to an empty interceptor', 'requests/s to bare', 'µs of CPU a request', 'requests/s'],
      Object.entries(ARMS).map(([arm, name]) => [
        name,
        show(ratio(cpu[arm], cpu.bare)),
        show(ratio(cpu[arm], cpu.interceptor)),
        show(ratio(rate[arm], rate.bare)),
        show(summarize(cpu[arm]), 0),
        show(summarize(rate[arm]), 0),
      ]),
    ),
  );
}
