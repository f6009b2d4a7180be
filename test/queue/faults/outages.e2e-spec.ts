import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BrokerUnavailableError } from 'nestjs-tasks';
import { Client } from 'pg';
import { BrokerSpace, brokerSpace, SHARED_BROKERS, type BrokerKind } from '../../support/brokers.js';
import { until } from '../../support/until.js';
import { Chance } from './chance.js';
import type { Step } from './fault-tasks.js';
import { Programs } from './fleet.js';
import { Proxy } from './proxy.js';
import { Recoveries } from './recoveries.js';
import { REDIS_PROGRAM, RedisServer } from './redis-server.js';
import { LEASE, Stage, type Actor } from './stage.js';
import { Traffic } from './traffic.js';
import { Turns } from './turns.js';

// With the time that tests wait for their turn.
jest.setTimeout(120_000);

/** What an add may take, at most, to fail. */
const FAST = 3_000;
/** What it may take until work goes on after an outage: a second or so, on a machine that is busy with other tests. */
const RECONNECTION = 4_000;

/** Time until a silent connection is given up and another does its work: about 7 s, and what a busy machine adds. */
const NOTICE = 20_000;
/** What a shutdown may take beyond its grace period. */
const SHUTDOWN = 2 * LEASE + FAST;

const chance = new Chance();
const recoveries = new Recoveries();
let programs: Programs;

beforeAll(async () => {
  programs = await Programs.build();
});

afterAll(() => {
  programs[Symbol.dispose]();
  process.stderr.write(`outages: seed ${chance.seed}, ${recoveries}\n`);
});

/** Adds until it is heard, and waits until it runs: returns when that was. */
async function untilWorkGoesOn({ journal }: Stage, client: Actor, key: string, deadline?: number): Promise<number> {
  const tryToAdd = () => client.add(key, { ms: 0 }).catch(() => undefined);
  await until(() => Promise.race([tryToAdd(), sleep(FAST)]), 'an add that succeeds', deadline);
  const run = await until(() => journal.runs(key)[0], 'a run after the outage', deadline);
  return run.startedAt;
}

/**
 * What holds for all outages: an add that was acknowledged runs, and twice only when the outage came in between.
 *
 * @returns how long it took until work went on.
 */
async function expectNoLoss(
  stage: Stage,
  client: Actor,
  outage: { readonly length: number; begin(): unknown; end(): Promise<unknown> },
): Promise<number> {
  const traffic = new Traffic(client, chance);
  await until(() => stage.journal.runs().length > 20, 'some traffic');
  const begunAt = Date.now();
  await outage.begin();
  await sleep(outage.length);
  await outage.end();
  const endedAt = Date.now();
  const workedAt = await untilWorkGoesOn(stage, client, 'after');
  await sleep(300); // some more traffic, with nothing in its way
  const { acknowledged, refused } = await traffic.stop();

  await until(
    () => acknowledged.every(({ key }) => stage.journal.completed(key).length > 0),
    'all that was acknowledged',
  );
  await until(async () => (await client.queue.snapshot({ limit: 0 })).total === 0, 'an empty queue');
  for (const { error } of refused) expect(error).toBeInstanceOf(BrokerUnavailableError);
  for (const { took } of [...acknowledged, ...refused]) expect(took).toBeLessThan(FAST);
  if (outage.length > FAST) expect(refused.length).toBeGreaterThan(0);
  // Acknowledged ones in the outage would have been acknowledged by nobody.
  for (const { key } of acknowledged) {
    const runs = stage.journal.runs(key);
    const [{ startedAt = NaN, endedAt: firstEnd = NaN } = {}] = runs;
    const isExplained = startedAt < endedAt + RECONNECTION && firstEnd > begunAt - LEASE;
    if (runs.length > 1) expect({ key, runs, isExplained }).toMatchObject({ isExplained: true });
  }
  expect(stage.journal.overlaps(stage.deaths)).toEqual([]);
  return recoveries.note(endedAt, workedAt);
}

describe.each(SHARED_BROKERS)('an outage of $label', (kind) => {
  const space = brokerSpace(kind);
  // Concurrent tests wait most of the time. Those that read the log are not among them: there is one log, that of the last
  // application. On PostgreSQL they take turns, for all tests that run share a hundred connections.
  const turns = new Turns(kind.label === 'postgres' ? 1 : Infinity);

  /** Two workers and somebody who adds, with the proxy between them and the broker. */
  async function openStage(proxy: Proxy) {
    const stage = new Stage(programs, { ...space.options(space.newQueue()), url: proxy.url });
    const [client, ...workers] = await Promise.all([stage.client(), stage.work(), stage.work()]);
    return { stage, client, workers };
  }

  it.each([1_000, 7_000])('of %i ms loses nothing that was acknowledged, and deafens no worker', async (length) => {
    await using proxy = await new Proxy(kind.url).open();
    const { stage, client } = await openStage(proxy);
    await using _ = stage;
    const outage = { length, begin: () => proxy.cut(), end: () => proxy.open() };
    expect(await expectNoLoss(stage, client, outage)).toBeLessThan(RECONNECTION);
    // Once for each outage of each application, but for what was on its way when the broker came back.
    expect(stage.matching('Broker unreachable').length).toBeLessThanOrEqual(6);
  });

  it('at boot lets the application start, and work when the broker is there', async () => {
    await using proxy = new Proxy(kind.url);
    const { stage, client, workers } = await openStage(proxy);
    await using _ = stage;
    const begunAt = Date.now();
    const error = await client.add('early', { ms: 0 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BrokerUnavailableError);
    expect((error as Error).message).toMatch(/^(Redis|PostgreSQL) is unreachable: connect ECONNREFUSED/);
    expect(Date.now() - begunAt).toBeLessThan(FAST);
    await until(() => workers.every(({ queue }) => queue.counts.disruptions > 0), 'the workers to notice');
    // Once, and not at each try.
    expect(stage.matching('Broker unreachable').length).toBeLessThanOrEqual(3);

    await proxy.open();
    const openedAt = Date.now();
    const workedAt = await untilWorkGoesOn(stage, client, 'late');
    expect(recoveries.note(openedAt, workedAt)).toBeLessThan(RECONNECTION);
    await until(async () => (await client.queue.workers()).length === 2, 'both workers');
  });

  it.concurrent('for one worker alone gives its executions to others, and aborts its own runs', async () => {
    using _ = await turns.take();
    await using proxy = await new Proxy(kind.url).open();
    await using stage = new Stage(programs, space.options(space.newQueue()));
    const [client, cutOff] = await Promise.all([stage.client(), stage.work({ url: proxy.url })]);
    const executions = await Promise.all(
      ['a', 'b', 'c'].map((key) => client.add(key, { ms: 20_000 }, { ms: 4 * LEASE })),
    );
    await until(() => stage.journal.runs().length === 3, 'all to run');
    const other = await stage.work();
    await sleep(chance.below(LEASE));
    proxy.cut();
    const cutAt = Date.now();
    for (const { key } of executions) {
      const second = await until(() => stage.journal.runs(key)[1], 'the other worker');
      expect(recoveries.note(cutAt, second.startedAt)).toBeLessThan(3 * LEASE);
      // A worker looks at its own leases three times in the time of one; the rest is what a busy machine adds.
      const first = await until(
        () => stage.journal.runs(key).find(({ aborted }) => aborted),
        'the end of the first run',
      );
      expect(first).toMatchObject({ aborted: 'TaskCancelledError: LeaseLostError' });
      expect((first.endedAt ?? Infinity) - second.startedAt).toBeLessThan(LEASE);
    }
    await proxy.open();
    await Promise.all(executions.map((execution) => execution.result({ timeout: '10s' })));
    expect(cutOff.queue.counts).toMatchObject({ leasesLost: 3, completed: 0 });
    expect(other.queue.counts).toMatchObject({ leasesLost: 0, completed: 3 });
  });

  it.concurrent('that nobody is told of is noticed, and deafens no worker', async () => {
    using _ = await turns.take();
    await using proxy = await new Proxy(kind.url).open();
    const opened = await openStage(proxy);
    await using stage = opened.stage;
    const { client } = opened;
    await client.add('before', { ms: 0 });
    await until(() => stage.journal.completed('before').length === 1, 'a run before the outage');
    proxy.freeze();
    const silentAt = Date.now();
    const refused = await Promise.race([
      client.add('in silence', { ms: 0 }).catch((error: unknown) => error),
      sleep(FAST, 'no answer'),
    ]);
    proxy.thaw();
    const workedAt = await untilWorkGoesOn(stage, client, 'after', NOTICE).catch(() => Infinity);
    // What is left of the old connections must not hold up the end of the test.
    proxy.cut();
    await proxy.open();
    expect(refused).toBeInstanceOf(BrokerUnavailableError);
    expect(recoveries.note(silentAt, workedAt)).toBeLessThan(NOTICE);
  });

  it.concurrent.each<[what: string, step: Step]>([
    ['has ended, and cannot be recorded', { ms: 300 }],
    ['stops when it is asked to', { ms: 20_000 }],
    ['does not stop', { stubborn: 4 * LEASE }],
  ])('does not hold a shutdown up in which a run %s', async (_what, step) => {
    using _ = await turns.take();
    await using proxy = await new Proxy(kind.url).open();
    await using stage = new Stage(programs, { ...space.options(space.newQueue()), url: proxy.url });
    const [client, worker] = await Promise.all([stage.client(), stage.work({}, { gracePeriod: 100 })]);
    await client.add('key', step, { ms: 0 });
    await until(() => stage.journal.runs('key').length === 1, 'it to run');
    proxy.cut();
    if ('ms' in step && step.ms < LEASE) await until(() => stage.journal.completed('key').length === 1, 'its end');
    const closed = Promise.all([client.app.context.close(), worker.app.context.close()]).then(() => 'closed');
    const outcome = await Promise.race([closed, sleep(SHUTDOWN, 'still open')]);

    await proxy.open();
    expect(outcome).toBe('closed');
    await stage.work();
    await until(() => stage.journal.runs('key').length === 2, 'another worker');
  });
});

const canRestartRedis = REDIS_PROGRAM !== undefined && SHARED_BROKERS.some(({ label }) => label === 'redis');

(canRestartRedis ? describe : describe.skip)('a restart of redis', () => {
  it.concurrent.each([
    ['SIGTERM', 1_000],
    ['SIGKILL', 7_000],
  ] as const)('with %s, for %i ms, loses nothing that was acknowledged', async (signal, length) => {
    await using redis = await new RedisServer().start();
    const space = new BrokerSpace({ label: 'redis', url: redis.url, isShared: true });
    await using stage = new Stage(programs, space.options(space.newQueue()));
    const [client] = await Promise.all([stage.client(), stage.work(), stage.work()]);
    const outage = { length, begin: () => redis.stop(signal), end: () => redis.start() };
    expect(await expectNoLoss(stage, client, outage)).toBeLessThan(RECONNECTION);
  });
});

const postgres = SHARED_BROKERS.find(({ label }) => label === 'postgres');

(postgres ? describe : describe.skip)('postgres', () => {
  const kind = postgres as BrokerKind;
  const space = brokerSpace(kind);

  it('may terminate all connections, again and again', async () => {
    const name = `faults_${chance.seed}`;
    const url = new URL(kind.url);
    url.searchParams.set('application_name', name);
    await using stage = new Stage(programs, { ...space.options(space.newQueue()), url: url.href });
    const [client] = await Promise.all([stage.client(), stage.work(), stage.work()]);
    const admin = new Client(kind.url);
    await admin.connect();
    let terminated = 0;
    const terminateAll = async (): Promise<number> => {
      const { rowCount } = await admin.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
        [name],
      );
      terminated += rowCount ?? 0;
      return rowCount ?? 0;
    };
    const outage = {
      length: 0,
      begin: async () => {
        for (let times = 0; times < 8; times += 1) {
          // Once the applications have connected again.
          await until(terminateAll, 'connections to terminate');
          await sleep(chance.below(500));
        }
      },
      end: terminateAll,
    };
    expect(await expectNoLoss(stage, client, outage)).toBeLessThan(RECONNECTION);
    // Two pools and two connections to listen on for each worker, and what has connected again since.
    expect(terminated).toBeGreaterThan(16);

    // What is told by a signal arrives: the connections that listen are there again.
    const execution = await client.add('long', { ms: 20_000 });
    await until(() => stage.journal.runs('long').length > 0, 'the long run');
    expect(await execution.cancel()).toBe('signalled');
    const cancelledAt = Date.now();
    await until(() => stage.journal.runs('long')[0]?.aborted, 'its signal');
    expect(Date.now() - cancelledAt).toBeLessThan(LEASE);
    await admin.end();
  });
});
