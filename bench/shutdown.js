// From SIGTERM to the end of a process with tasks that nothing shields: each waits on a timer with its signal.
import { parseArgs } from 'node:util';
import { startArm } from './arm-process.js';
import { alternate } from './rounds.js';
import { ratio, show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? { rounds: 1 } : { rounds: 7, warmUps: 1 };
const TASKS = short ? 1_000 : 10_000;
const ARMS = ['nestjs-tasks', 'by hand', 'empty'];

/** Milliseconds. */
async function end(arm) {
  const { kill } = await startArm('./shutdown-process.js', arm, TASKS);
  const start = performance.now();
  const how = await kill('SIGTERM');
  // Nest sends the signal once more when its hooks have run; an exit code is one of a failure.
  if (how !== 'SIGTERM') throw new Error(`The application of ${arm} has ended with ${how}`);
  return performance.now() - start;
}

const [ours, byHand, empty] = await alternate(ARMS, ROUNDS, end);
const above = (values) => values.map((value, round) => value - empty[round]);
const row = (what, values, base) => [
  what,
  show(ratio(values, base)),
  ...[values, base].map((v) => show(summarize(v), 0)),
];
console.log(
  table(
    ['ms, Node.js and the application included or not', 'ratio', 'nestjs-tasks', 'by hand'],
    [
      row('from SIGTERM to the end', ours, byHand),
      row('more than an application without tasks', above(ours), above(byHand)),
    ],
  ),
);
