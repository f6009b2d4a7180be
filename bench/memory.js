// What durable tasks cost in memory, where the database has no part in it: against p-queue, which keeps no record, knows no
// keys and no retries, and tells nobody of a result. AsyncLocalStorage is in use in both.
import { parseArgs } from 'node:util';
import { startArm } from './arm-process.js';
import { alternate } from './rounds.js';
import { ratio, show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = { rounds: short ? 1 : 7, warmUps: short ? 0 : 1 };
const SIZES = short ? [1e3] : [1e3, 1e4, 1e5];
const ARMS = ['nestjs-tasks', 'p-queue'];

const arms = [];
for (const name of ARMS) arms.push(await startArm('./memory-process.js', name));
const rows = [];
for (const count of SIZES) {
  const results = await alternate(arms, ROUNDS, ({ ask }) => ask(count));
  const row = (what, figure, digits) => {
    const values = results.map((rounds) => rounds.map((result) => result[figure]));
    return [
      `${what}, ${count.toLocaleString('en')}`,
      show(ratio(...values)),
      ...values.map((v) => show(summarize(v), digits)),
    ];
  };
  rows.push(row('no-ops a second', 'rate', 0), row('µs of CPU a no-op', 'cpu', 1), row('µs of CPU an add', 'add', 1));
}
for (const arm of arms) await arm.stop();
console.log(table(['waiting at first', 'ratio', ...ARMS], rows));
