import { expect, it, jest } from '@jest/globals';
import { COMPLETE, HOUR, describeBrokers, inAnHour, job, keyed, SETTLEMENTS } from './suite.js';
import type { TaskDepth } from '../../../../lib/queue/broker/queue-depth.js';

jest.setTimeout(60_000);

const NONE = { scheduled: 0, waiting: 0, parked: 0, running: 0, retrying: 0, oldestDue: undefined };
/** More than one page on Redis. */
const MANY = 2_500;

describeBrokers('depths', (suite) => {
  const depths = async (): Promise<Record<string, Omit<TaskDepth, 'name'>>> => {
    const listed = await suite.other.executions.depths();
    return Object.fromEntries(listed.map(({ name, ...rest }) => [name, rest]));
  };

  it('are none in an empty queue', async () => {
    expect(await depths()).toEqual({});
  });

  it('count executions by task and state', async () => {
    for (const state of ['parked', 'retrying', 'running', 'scheduled', 'queued'] as const) {
      await suite.bring(state, state);
    }
    await suite.broker.executions.add([
      keyed('a', 1, { name: 'other' }),
      keyed('b', 2, { name: 'other', priority: 3 }),
    ]);
    expect(await depths()).toEqual({
      task: { scheduled: 1, waiting: 1, parked: 1, running: 1, retrying: 1, oldestDue: expect.any(Number) },
      other: { ...NONE, waiting: 2, oldestDue: expect.any(Number) },
    });
  });

  it('forget what has ended', async () => {
    await suite.add(keyed('k'));
    await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
    await suite.add(keyed('cancelled', null, { when: inAnHour() }));
    await suite.broker.executions.cancel('cancelled', 'not wanted');
    expect(await depths()).toEqual({});
  });

  it('count as waiting what has come due, though no worker has noticed', async () => {
    await suite.broker.connect();
    const when = Date.now() + 300; // or a busy machine adds it when it is due
    await suite.add(keyed('k', null, { when }));
    await new Promise((resolve) => setTimeout(resolve, when + 5 - Date.now()));
    const { task } = await depths();
    expect(task).toMatchObject({ scheduled: 0, waiting: 1 });
    expect(Math.abs((task?.oldestDue ?? 0) - when)).toBeLessThanOrEqual(1);
  });

  it('tell since when the oldest is due, wherever in the queue it lies', async () => {
    const [old, older] = [Date.now() - HOUR, Date.now() - 2 * HOUR];
    await suite.broker.executions.add([
      job(),
      job(null, { addedAt: old, when: old }),
      job(null, { addedAt: older, when: older, priority: 9 }),
      job(null, { name: 'later', when: inAnHour() }),
    ]);
    expect(await depths()).toMatchObject({ task: { waiting: 3, oldestDue: older }, later: { oldestDue: undefined } });
  });

  it('tell since when one is due that has come into the queue at its time, not since its addition', async () => {
    await suite.broker.connect();
    const when = Date.now() + 300; // or a busy machine adds it when it is due
    for (const key of ['a', 'b']) await suite.add(keyed(key, null, { when }));
    await suite.claim(); // moves both
    const { task } = await depths();
    expect(task).toMatchObject({ scheduled: 0, waiting: 1, running: 1 });
    expect(Math.abs((task?.oldestDue ?? 0) - when)).toBeLessThanOrEqual(1);
  });

  it('tell since when a retry is due, not the first attempt', async () => {
    await suite.add(keyed('k', null, { addedAt: Date.now() - HOUR, when: Date.now() - HOUR }));
    const at = Date.now() - 1_000;
    const error = { name: 'Error', message: 'bad', response: { when: 5, attemptsBefore: 5 } };
    await suite.broker.runs.settle(await suite.claim(), { type: 'retry', at, error }, false);
    const { task } = await depths();
    expect(task).toMatchObject({ waiting: 1, retrying: 0 });
    expect(task?.oldestDue).toBeGreaterThanOrEqual(at);
  });

  it('tell since when one is due that was parked, from before it was', async () => {
    const since = Date.now() - HOUR;
    const error = { name: 'Error', message: 'NUL \0, surrogate \ud800, quote ", \\u0041', response: { when: 5 } };
    await suite.add(keyed('k', null, { addedAt: since, when: since }));
    await suite.broker.runs.settle(await suite.claim(), { type: 'retry', at: since + 1_000, error }, false);
    await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS.park(), false);
    expect(await depths()).toMatchObject({ task: { parked: 1, oldestDue: undefined } });
    expect(await suite.broker.runs.wake('k')).toBe(true);
    expect(await depths()).toMatchObject({ task: { waiting: 1, oldestDue: since + 1_000 } });
  });

  it('tell since when one is due that has ended and runs again', async () => {
    const since = Date.now() - HOUR;
    const id = await suite.addAs(keyed('k', null, { addedAt: since, when: since }));
    await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS.fail(), false);
    const again = Date.now();
    expect(await suite.broker.ended.retry(id)).toBe('retried');
    const { task } = await depths();
    expect(task).toMatchObject({ waiting: 1 });
    expect(task?.oldestDue).toBeGreaterThanOrEqual(again - 1);
  });

  it('do not take the next run of a chain for a retry, whose last run had some', async () => {
    await suite.add(keyed('k'));
    const retry = { ...SETTLEMENTS.retry(), at: Date.now() };
    await suite.broker.runs.settle(await suite.claim(), retry, false);
    await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS.reschedule(), false);
    expect(await depths()).toMatchObject({ task: { scheduled: 1, retrying: 0 } });
  });

  it('count many, and names that are hard to keep', async () => {
    const names = ['__proto__', 'constructor', 'a:b', 'Zoë 日本 😀', ' '];
    const all = Array.from({ length: MANY }, (_, at) =>
      job(at, { name: names[at % 5]!, when: at % 2 === 0 ? undefined : inAnHour() }),
    );
    await suite.broker.executions.add(all);
    const found = await depths();
    expect(Object.keys(found).toSorted()).toEqual(names.toSorted());
    for (const name of names) expect(found[name]).toMatchObject({ waiting: MANY / 10, scheduled: MANY / 10 });
  });
});
