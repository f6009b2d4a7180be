// The operator of the fleet: begins what goes on by itself, and at the end brings all to rest and waits for quiet.
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings, startApplication } from './application.js';
import { Client } from './client.js';
import { now } from './journal.js';

const CHAINS = 3;
/** In milliseconds. */
const LOOK = 250;

const settings = readSettings();
const { journal, queue, tasks } = await startApplication({ ...settings, isWorker: false });
const client = new Client(queue, journal);
const chainKeys = Array.from({ length: CHAINS }, (_, number) => `k.chain.${number}`);

const COMMANDS = {
  open: async () => {
    for (const key of chainKeys) await client.add(tasks.tick, key, [0, 100], { task: 'tick', key });
  },

  poison: () => client.add(tasks.poison, 'poison', [], { task: 'poison', key: 'k.poison' }),

  /** Restores what is struck and ends the chains, then waits until nothing is left that has not ended. */
  settle: async (limit) => {
    const end = now() + limit;
    await again(end, async () => {
      for (const { task, parameter, operator, value } of await queue.strikes()) {
        await queue.restore(task, parameter, operator, value);
      }
    });
    for (const key of chainKeys) {
      // One that was refused may not have been heard.
      while ((await client.cancel(key)) === undefined && now() < end) await sleep(LOOK);
    }
    let left = await again(end, look);
    while (left.length > 0 && now() < end) {
      await sleep(LOOK);
      left = await again(end, look);
    }
    journal.write(left.length === 0 ? 'quiet' : 'busy', { left: left.slice(0, 20) });
  },
};

/** A broker that is not reached is asked again. */
async function again(end, act) {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (now() > end) return [String(error)];
      await sleep(LOOK);
    }
  }
}

async function look() {
  const { executions, total } = await queue.snapshot({ limit: 20 });
  const pools = await queue.limits();
  return [
    ...executions.map(({ key, name, state, reason }) => `${state} ${name} ${key} ${reason ?? ''}`.trim()),
    ...(executions.length === 0 && total > 0 ? [`${total} executions that are not listed`] : []),
    ...pools.map(({ owner, holders, waiters }) => `pool of ${owner}: held by ${holders}, awaited by ${waiters}`),
  ];
}

process.on('message', async ({ number, command, argument }) => {
  try {
    await COMMANDS[command](argument);
    process.send?.({ number });
  } catch (error) {
    process.send?.({ number, error: String(error?.stack ?? error) });
  }
});
journal.write('ready');
process.send('ready');
