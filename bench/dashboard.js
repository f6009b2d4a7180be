// What the dashboard costs: nothing while nobody looks, and little while twenty tabs are open.
import { once } from 'node:events';
import { get } from 'node:http';
import { parseArgs } from 'node:util';
import { startArm } from './arm-process.js';
import { alternate } from './rounds.js';
import { ratio, show, summarize, table } from './statistics.js';

const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? { rounds: 1 } : { rounds: 7, warmUps: 2 };
const TIME = short ? 1_000 : 10_000;
const TABS = 20;
const VIEWS = ['overview', 'executions', 'tasks', 'workers'];

/** Opens event streams as tabs do, four views of them. @returns a function that closes them. */
async function openTabs(port) {
  const tabs = await Promise.all(
    Array.from({ length: TABS }, async (_, at) => {
      const request = get({ port, path: `/tasks/api/v1/stream?view=${VIEWS[at % VIEWS.length]}` });
      const [response] = await once(request, 'response');
      if (response.statusCode !== 200) throw new Error(`A stream was refused: ${response.statusCode}`);
      await once(response, 'data');
      return request.on('error', () => {}); // it is destroyed below
    }),
  );
  for (const tab of tabs) tab.socket.resume();
  return () => tabs.forEach((tab) => tab.destroy());
}

async function share(arm, isWatched) {
  const close = isWatched ? await openTabs(arm.greeting.port) : () => {};
  const result = await arm.ask({ name: 'share', milliseconds: TIME });
  close();
  return result;
}

const [none, dashboard] = await Promise.all([
  startArm('./dashboard-process.js', 'none'),
  startArm('./dashboard-process.js', 'dashboard'),
]);
const [bareRuns, idleRuns] = await alternate([none, dashboard], ROUNDS, (arm) => arm.ask({ name: 'runs' }));
const arms = [
  [none, false],
  [dashboard, false],
  [dashboard, true],
];
const shares = await alternate(arms, short ? { rounds: 1 } : { rounds: 3, warmUps: 1 }, ([arm, isWatched]) =>
  share(arm, isWatched),
);
await Promise.all([none.stop(), dashboard.stop()]);

const [bare, idle, watched] = shares.map((values) => show(summarize(values), 1));
console.log(
  table(
    ['', 'CPU time of 2,000 runs: ratio', '% of a core at 50 runs a second'],
    [
      ['without the dashboard', '1', bare],
      ['with it, nobody looks', show(ratio(idleRuns, bareRuns)), idle],
      [`${TABS} open tabs`, '', watched],
    ],
  ),
);
