// What one scheduled no-op costs, ours and the peers' in turns. AsyncLocalStorage is in use in all of them, as it is in any
// application with a request id in its logs.
import { parseArgs } from 'node:util';
import { startArm } from './arm-process.js';
import { alternate } from './rounds.js';
import { OWN, PEERS } from './schedule-arms.js';
import { ratio, show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = { rounds: short ? 1 : 7, warmUps: 1 };
const SIZES = short ? [1e3, 1e4] : [1e3, 1e4, 1e5, 1e6];
const WEIGHED = short ? 1e4 : 1e5;
/** Of each arm in each round at least. */
const TASKS = short ? 1e4 : 1e5;

const arms = [];
for (const name of Object.keys({ ...OWN, ...PEERS })) {
  arms.push({ name, ...(await startArm('./schedule-process.js', name)) });
}
const measure = async (question) => {
  const results = await alternate(arms, ROUNDS, ({ ask }) => ask(question));
  return Object.fromEntries(arms.map(({ name }, index) => [name, results[index]]));
};

const times = [];
for (const count of SIZES) {
  times.push(await measure({ measure: 'time', count, repeats: Math.max(1, TASKS / count) }));
}
const bytes = await measure({ measure: 'weigh', count: WEIGHED });
for (const arm of arms) await arm.stop();

const sizes = SIZES.map((size) => `${size.toLocaleString('en')} at once`);
for (const own of Object.keys(OWN)) {
  console.log(`\n#### Time a task: ratio of ${own} to each peer\n`);
  console.log(
    table(
      ['peer', ...sizes],
      Object.keys(PEERS).map((peer) => [peer, ...times.map((byArm) => show(ratio(byArm[own], byArm[peer])))]),
    ),
  );
}
console.log('\n#### Nanoseconds a task, and bytes of heap while it waits\n');
console.log(
  table(
    ['', ...sizes, 'bytes'],
    arms.map(({ name }) => [
      name,
      ...times.map((byArm) => show(summarize(byArm[name]), 0)),
      show(summarize(bytes[name]), 0),
    ]),
  ),
);
