// What the library adds to the start and the end of an application: imports, creation, and the end of one that has run
// nothing. Each measurement has a new process.
import { parseArgs } from 'node:util';
import { startArm } from './arm-process.js';
import { openRedis } from './durable-servers.js';
import { alternate } from './rounds.js';
import { show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? { rounds: 1 } : { rounds: 7, warmUps: 1 };
const ARMS = ['an application without TasksModule', 'TasksModule, in memory', 'TasksModule, on Redis'];
const FIGURES = { import: 'ms to import', create: 'ms to create', close: 'ms to close', rss: 'MiB of memory' };

const server = await openRedis();
try {
  const { url } = server.site('boot');
  const results = await alternate(ARMS, ROUNDS, async (arm) => {
    const { greeting, stop } = await startArm('./boot-process.js', arm, url);
    await stop();
    return greeting;
  });
  const rows = ARMS.map((arm, at) => [
    arm,
    ...Object.keys(FIGURES).map((figure) => show(summarize(results[at].map((result) => result[figure])), 0)),
  ]);
  console.log(table(['', ...Object.values(FIGURES)], rows));
} finally {
  await server.close();
}
