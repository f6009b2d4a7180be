// What it costs that executions of one key do not overlap: `@ConcurrencyLimit(1)` against a lock and retries by hand, in
// turns in one process, on Redis. And what strikes cost where they are on others. Fails when executions of a key overlap or
// are lost, or something is far from what is promised.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { ARMS, expect } from './contention-arms.js';
import { addUnstruck, drain, passHotKey, short } from './contention-measures.js';
import { openRedis } from './durable-servers.js';
import { ratio, show, summarize, table } from './statistics.js';

const memory = { name: 'memory', site: (name) => ({ url: 'memory://', name }) };

function print(title, arms, rows) {
  console.log(`\n#### ${title}\n`);
  console.log(
    table(
      ['', 'ratio', ...arms],
      rows.map(([what, results, digits]) => [
        what,
        show(ratio(...results)),
        ...results.map((values) => show(summarize(values), digits)),
      ]),
    ),
  );
}

async function compareLimits(server) {
  const rows = [];
  for (const [order, label] of [
    ['sorted', 'keys in order'],
    ['shuffled', 'keys shuffled'],
  ]) {
    const results = await drain(server, order);
    const pick = (figure) => results.map((rounds) => rounds.map((result) => result[figure]));
    const [ours] = results;
    expect(
      ours.every(({ most }) => most <= 2),
      `An execution was started ${Math.max(...ours.map(({ most }) => most))} times, ${label}`,
    );
    const { median } = ratio(...pick('rate'));
    expect(median > 0.5, `The rate with ${label} is ${median.toFixed(2)} of that of retries`);
    rows.push(
      [`executions a second, ${label}`, pick('rate'), 0],
      [`starts of an execution, ${label}, mean`, pick('mean'), 2],
      [`starts of an execution, ${label}, most`, pick('most'), 0],
    );
  }
  const arms = ARMS.map(({ name }) => name);
  print(`${server.name} ${server.version}: one at a time for each key`, arms, rows);
  const hot = await passHotKey(server);
  print(
    `${server.name} ${server.version}: behind a hot key`,
    ['1,000 of one hot key before them', 'without'],
    [['ms until 2,000 of 100 other keys have run', hot, 0]],
  );
}

async function compareStrikes(servers) {
  const rows = [];
  for (const server of servers) {
    const results = await addUnstruck(server);
    const { median } = ratio(...results);
    // One short round says nothing of time: it only shows that all of this works.
    expect(short || median < 2, `With strikes, an add takes ${median.toFixed(2)} of its time on ${server.name}`);
    rows.push([`µs of CPU for an add, ${server.name}`, results, 1]);
  }
  print('An add, with strikes in force on others', ['10,000 strikes', 'none'], rows);
}

await new AsyncLocalStorage().run({ requestId: 'bench' }, async () => {
  const server = await openRedis();
  try {
    await compareLimits(server);
    await compareStrikes([server, memory]);
  } finally {
    await server.close();
  }
});
