import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { until } from '../../support/until.js';
import { Chance } from './chance.js';
import { Programs } from './fleet.js';
import { Recoveries } from './recoveries.js';
import type { Run } from './run-journal.js';
import { LEASE, Stage } from './stage.js';

jest.setTimeout(120_000);

/** What a busy machine adds, in milliseconds. */
const SLACK = 1_000;

const chance = new Chance();
const recoveries = new Recoveries();
let programs: Programs;

beforeAll(async () => {
  programs = await Programs.build();
});

afterAll(() => {
  programs[Symbol.dispose]();
  process.stderr.write(`limits: seed ${chance.seed}, ${recoveries}\n`);
});

/** The most runs that went on at once. That of a killed process ends with it. */
function mostAtOnce(runs: readonly Run[], deaths: ReadonlyMap<number, number>): number {
  const changes = runs.flatMap(({ startedAt, endedAt, pid }) => [
    { time: startedAt, by: 1 },
    { time: Math.max(startedAt, endedAt ?? deaths.get(pid) ?? Infinity), by: -1 },
  ]);
  let [now, most] = [0, 0];
  for (const { by } of changes.toSorted((a, b) => a.time - b.time || a.by - b.by)) most = Math.max(most, (now += by));
  return most;
}

function completedIn({ journal }: Stage): number {
  return journal.runs().filter(({ endedAt }) => endedAt !== undefined).length;
}

describe.each(SHARED_BROKERS)('limits on $label', (kind) => {
  const space = brokerSpace(kind);
  const openStage = (): Stage => new Stage(programs, space.options(space.newQueue()), ['limited']);

  it('hold while workers are killed, and nothing is lost', async () => {
    await using stage = openStage();
    const [client, survivor, ...victims] = await Promise.all([
      stage.client(),
      stage.spawn(),
      stage.spawn(),
      stage.spawn(),
    ]);
    const pools = Array.from({ length: 12 }, (_, number) => ({ pool: `pool-${number}`, max: 1 + (number % 2) }));
    const keys = pools.flatMap(({ pool }) => Array.from({ length: 25 }, (_, number) => `${pool}/${number}`));
    await Promise.all(
      keys.map((key, number) => {
        const [pool = ''] = key.split('/');
        const task = pools.find((each) => each.pool === pool)?.max === 1 ? 'limited to 1' : 'limited to 2';
        return client.queue.add(task, { key, remote: true })(pool, { ms: 5 + ((number * 7) % 20) });
      }),
    );
    for (const [at, victim] of victims.entries()) {
      await until(() => completedIn(stage) > ((at + 1) * keys.length) / 4, 'some runs', 30_000);
      await sleep(chance.below(50));
      victim.signal('SIGKILL');
    }
    await until(async () => (await client.queue.snapshot({ limit: 0 })).total === 0, 'all to end', 40_000);

    const { deaths } = stage;
    for (const key of keys) {
      const runs = stage.journal.runs(key);
      expect(runs.at(-1)?.endedAt).toBeDefined();
      // Where it has run before, its worker was killed.
      for (const { pid } of runs.slice(0, -1)) expect(deaths.has(pid)).toBe(true);
    }
    const crowds = pools.map(({ pool, max }) => {
      const most = mostAtOnce(
        stage.journal.runs().filter(({ key }) => key.startsWith(`${pool}/`)),
        deaths,
      );
      return { pool, max, most };
    });
    for (const { pool, max, most } of crowds) {
      expect({ pool, most, isKept: most <= max }).toEqual({ pool, most, isKept: true });
    }
    // Such short runs need not meet in each of them.
    expect(crowds.some(({ most }) => most === 2)).toBe(true);
    expect(await client.queue.limits()).toEqual([]);
    expect(survivor.matching('ERROR')).toEqual([]);
  });

  it('of a killed holder are free within its lease', async () => {
    await using stage = openStage();
    const [client, victim] = await Promise.all([stage.client(), stage.spawn()]);
    const add = (key: string) => client.queue.add('limited to 1', { key })('pool', { ms: 60_000 }, { ms: 0 });
    const holder = await add('holder');
    await until(() => stage.journal.runs('holder')[0], 'the holder');
    await stage.work();
    const waiter = await client.queue.add('limited to 1', { key: 'waiter' })('pool', { ms: 0 });
    await until(async () => (await waiter.refresh()).state === 'parked', 'the waiter to be parked');
    const [{ holders, waiters } = {}] = await client.queue.limits();
    expect([holders, waiters]).toEqual([['holder'], ['waiter']]);
    const killedAt = victim.signal('SIGKILL');
    const { startedAt } = await until(() => stage.journal.runs('waiter')[0], 'the waiter to run');
    expect(recoveries.note(killedAt, startedAt)).toBeLessThan(LEASE + SLACK);
    await Promise.all([holder, waiter].map((execution) => execution.result({ timeout: '10s' })));
    expect(stage.journal.runs('holder')).toHaveLength(2);
  });
});
