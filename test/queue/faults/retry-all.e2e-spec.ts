import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { until } from '../../support/until.js';
import { Programs } from './fleet.js';
import { Stage } from './stage.js';

jest.setTimeout(180_000);

/** Executions that have failed. `TASKS_TEST_RETRIES=10000` tries more. */
const COUNT = Number(process.env['TASKS_TEST_RETRIES'] ?? 400);
const CONCURRENCY = 10;

let programs: Programs;

beforeAll(async () => {
  programs = await Programs.build();
});

afterAll(() => programs[Symbol.dispose]());

describe.each(SHARED_BROKERS)('retryAll() on $label', (kind) => {
  const space = brokerSpace(kind);

  it('retries each once, and loses none, when its process is killed twice', async () => {
    await using stage = new Stage(programs, space.options(space.newQueue()));
    const client = await stage.client();
    const keys = Array.from({ length: COUNT }, (_, at) => `k${at}`);
    const settings = { queue: { worker: { lease: 1_000, concurrency: CONCURRENCY } } };
    const first = await stage.spawn(settings);
    const added = [];
    for (let at = 0; at < COUNT; at += 100) {
      added.push(
        ...(await Promise.all(
          keys.slice(at, at + 100).map((key) => client.add(key, { fail: 'no answer' }, { ms: 0 })),
        )),
      );
    }
    await until(async () => (await client.queue.failures())[0]?.count === COUNT, 'all to fail', 120_000);
    first.signal('SIGKILL');
    await first.exited;

    // Whose keys are taken, and are skipped.
    const taken = await client.queue.add('work', { key: 'k0', when: '1h' })({ ms: 0 });
    const bulk = await client.queue.retryAll({ state: 'failed' }, { perSecond: COUNT / 3 });
    for (const share of [0.2, 0.6]) {
      const worker = await stage.spawn(settings);
      await until(async () => (await bulk.refresh()).progress.current >= share * COUNT, `${share} of all`, 120_000);
      worker.signal('SIGKILL');
      await worker.exited;
    }
    await stage.spawn(settings);
    const outcome = await bulk.result({ timeout: '2m' });
    expect(outcome).toEqual({ matched: COUNT, done: COUNT - 1, skipped: 1 });
    await until(
      async () =>
        (await client.queue.history({ state: 'failed', limit: 1 })).executions.length <= 1 &&
        (await client.queue.snapshot({ limit: 0 })).total === 1,
      'the end of all',
      120_000,
    );

    expect((await client.queue.get('k0'))?.id).toBe(taken.id);
    const retried = keys.slice(1);
    const completed = retried.map((key) => stage.journal.completed(key).length);
    expect(completed.filter((runs) => runs === 0)).toEqual([]);
    // What a worker had in hand when it was killed is run again, as ever: at least once.
    const again = retried.filter((key) => stage.journal.completed(key).length > 1);
    expect(again.length).toBeLessThanOrEqual(2 * CONCURRENCY);
    for (const key of again) expect(stage.journal.completed(key).some(({ pid }) => stage.deaths.has(pid))).toBe(true);
  });
});
