// The measurements of durable.js: each runs both arms in turns, and gives what came out of each in each round. They fail
// when a task has not run exactly once.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ARMS, countsOf } from './durable-arms.js';
import { Runs } from './durable-runs.js';
import { afterGc, alternate } from './rounds.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? 1 : 7;
/** How many tasks, of each arm in each round. */
const SIZES = {
  Redis: short ? { sequential: 50, filled: 500 } : { sequential: 2_000, filled: 10_000 },
  PostgreSQL: short ? { sequential: 50, filled: 200 } : { sequential: 300, filled: 2_000 },
};
/** Of the tasks in a full queue: on them a new application gets up to speed. */
const RUN_UP = 0.25;
const AT_ONCE = 1_000;
const LOW_LOAD = short ? 20 : 100;
const SCHEDULED = short ? { count: 20, within: 500 } : { count: 60, within: 3_000 };
const WEIGHED = short ? 1_000 : 10_000;
/** One more, which is not counted. */
const WARM_UPS = short ? 0 : 1;

/** What `run` gives for each arm in each round. */
const compare = (run, arms = ARMS) => alternate(arms, { rounds: ROUNDS, warmUps: WARM_UPS }, afterGc(run));

/** How many a second. */
async function rateOf(count, run) {
  const start = performance.now();
  await run();
  return (count * 1_000) / (performance.now() - start);
}

/** Of a queue whose worker does not run yet: adds one after the other, all at once, and as one call for all. */
export async function add({ name, site }) {
  const { sequential } = SIZES[name];
  const queues = new Map();
  for (const arm of ARMS) queues.set(arm, await arm.openQueue(site(`add-${arm.name}`)));
  const inTurn = await compare((arm) =>
    rateOf(sequential, async () => {
      for (let id = 0; id < sequential; id++) await queues.get(arm).add(id);
    }),
  );
  const [library, bullmq] = ARMS.map((arm) => queues.get(arm));
  const ways = [
    { queue: library, run: () => addAll(library, AT_ONCE) },
    { queue: bullmq, run: () => addAll(bullmq, AT_ONCE) },
    { queue: bullmq, run: () => bullmq.addBulk(AT_ONCE) },
  ];
  const [ours, single, bulk] = await compare(({ run }) => rateOf(AT_ONCE, run), ways);
  for (const arm of ARMS) {
    const queue = queues.get(arm);
    await queue.close();
    const { waiting } = await countsOf(site(`add-${arm.name}`));
    const added = sequential + AT_ONCE * ways.filter((way) => way.queue === queue).length;
    expect(waiting === added * (WARM_UPS + ROUNDS), `${arm.name} has ${waiting} tasks waiting on ${name}`);
  }
  return { inTurn, atOnce: [ours, single], inBulk: [ours, bulk] };
}

function addAll(queue, count, optionsOf) {
  return Promise.all(Array.from({ length: count }, (_, id) => queue.add(id, optionsOf?.(id))));
}

/** Of a queue that is full, from the end of the run-up to the last start: executions a second, and µs of CPU for each. */
export async function drain({ name, site }, concurrency) {
  const { filled } = SIZES[name];
  const results = await compare(async (arm, round) => {
    const own = site(`drain-${concurrency}-${round + WARM_UPS}-${arm.name}`);
    const queue = await arm.openQueue(own);
    await addAll(queue, filled);
    await queue.close();
    const runs = new Runs(filled, filled * RUN_UP);
    const worker = await arm.openWorker(own, concurrency, (id) => runs.note(id));
    await runs.done;
    await worker.close();
    await expectCompleted(arm, own, [runs]);
    return runs.speed();
  });
  const pick = (figure) => results.map((rounds) => rounds.map((result) => result[figure]));
  return { rate: pick('rate'), cpu: pick('cpu') };
}

/** Milliseconds from `add` to the start, one at a time, in an application whose worker waits. */
export async function startOne({ site }) {
  const stages = await openStages((arm) => site(`start-${arm.name}`));
  const results = await compare(async (arm) => {
    const { queue, expectRuns } = stages.get(arm);
    const delays = [];
    for (let id = 0; id < LOW_LOAD; id++) {
      const runs = expectRuns(1);
      const start = performance.now();
      await Promise.all([queue.add(id), runs.done]);
      delays.push(runs.starts[0].time - start);
      await sleep(2 + Math.random() * 4);
    }
    return delays;
  });
  for (const stage of stages.values()) await stage.close();
  return results;
}

/** Milliseconds from when it was due to the start, of tasks scheduled for random times, with nothing else to do. */
export async function startLater({ site }) {
  const stages = await openStages((arm) => site(`late-${arm.name}`));
  const { count, within } = SCHEDULED;
  const results = await compare(async (arm) => {
    const { queue, expectRuns } = stages.get(arm);
    const runs = expectRuns(count);
    const first = Date.now() + 300;
    const dueAt = Array.from({ length: count }, () => Math.round(first + Math.random() * within));
    await addAll(queue, count, (id) => ({ at: dueAt[id] }));
    await runs.done;
    return runs.starts.map(({ id, time }) => performance.timeOrigin + time - dueAt[id]);
  });
  for (const stage of stages.values()) await stage.close();
  return results;
}

/** For each arm a queue with its worker. */
async function openStages(siteOf) {
  const stages = new Map();
  for (const arm of ARMS) stages.set(arm, await openStage(arm, siteOf(arm)));
  return stages;
}

async function openStage(arm, site) {
  const started = [];
  const queue = await arm.openQueue(site);
  const worker = await arm.openWorker(site, 10, (id) => started.at(-1).note(id));
  return {
    queue,
    expectRuns(count) {
      const runs = new Runs(count);
      started.push(runs);
      return runs;
    },
    async close() {
      await worker.close();
      await queue.close();
      await expectCompleted(arm, site, started);
    },
  };
}

/** Bytes of Redis that a task with two short arguments takes while it waits. */
export async function weigh({ site, weigh: weighKeys }, optionsOf) {
  const bytes = [];
  for (const [index, arm] of ARMS.entries()) {
    const name = `${optionsOf === undefined ? 'plain' : 'keyed'}${index}`;
    const queue = await arm.openQueue(site(name));
    await addAll(queue, WEIGHED, optionsOf);
    await queue.close();
    bytes.push([(await weighKeys(name)) / WEIGHED]);
  }
  return bytes;
}

/** That each task was started once, and has ended well. */
async function expectCompleted(arm, site, started) {
  const expected = started.reduce((sum, runs) => sum + runs.expected, 0);
  const isOnce = started.every(({ starts, expected: count }) => {
    return starts.length === count && new Set(starts.map(({ id }) => id)).size === count;
  });
  expect(isOnce, `${arm.name} has started tasks of ${site.name} twice`);
  const { completed, ...others } = await countsOf(site);
  const left = Object.values(others).reduce((sum, count) => sum + count, 0);
  expect(
    completed === expected && left === 0,
    `${arm.name} has completed ${completed} of ${expected}, ${left} are left`,
  );
}

export function expect(isRight, message) {
  if (!isRight) throw new Error(message);
}
