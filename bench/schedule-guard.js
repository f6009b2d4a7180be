// Fails when a scheduled no-op costs too much of what it costs in p-queue, and when that could not be measured.
import { startArm } from './arm-process.js';
import { alternateInBlocks } from './rounds.js';
import { ratio, show } from './statistics.js';

/** The goal is 0.5; a busy machine measures more. */
const LIMIT = 0.6;
const TRIES = 2;
/** For all of it, in milliseconds. */
const PATIENCE = 120_000;
const BLOCKS = { blocks: 5, slices: 4 };
const WARM_UP = { measure: 'cpu', count: 1e4, repeats: 10 };
const SLICE = { measure: 'cpu', count: 1e4, repeats: 1 };

/** By CPU time, which a busy machine disturbs less. */
async function measure() {
  const arms = [];
  for (const name of ['nestjs-tasks', 'p-queue']) arms.push(await startArm('./schedule-process.js', name));
  for (const { ask } of arms) await ask(WARM_UP);
  const results = await alternateInBlocks(arms, BLOCKS, ({ ask }) => ask(SLICE));
  for (const arm of arms) await arm.stop();
  return ratio(...results);
}

const late = () => {
  console.error(
    `The ratio to p-queue was not measured within ${PATIENCE / 1_000} s. Run the step on a less busy machine.`,
  );
  process.exit(1);
};
const timer = setTimeout(late, PATIENCE);
let isMet = false;
for (let tries = 0; tries < TRIES && !isMet; tries++) {
  const result = await measure();
  console.log(`CPU time of a scheduled no-op, 10,000 at once: ${show(result)} of p-queue's; at most ${LIMIT}`);
  isMet = result.median <= LIMIT; // NaN is not
}
clearTimeout(timer);
if (!isMet) {
  console.error(`A scheduled no-op costs more than ${LIMIT} of p-queue's. Profile bench/schedule-process.js.`);
}
process.exitCode = isMet ? 0 : 1;
