import { describe, expect, it, jest } from '@jest/globals';
import { COMPLETE, SETTLEMENTS, describeBrokers, inAnHour, job, keyed } from './suite.js';
import type { Claim } from '../../../../lib/queue/broker/broker.js';
import type { LiveFilter } from '../../../../lib/queue/broker/live.js';
import type { ExecutionRecord } from '../../../../lib/queue/broker/record.js';

jest.setTimeout(60_000);

/** More than one call may look at. */
const MANY = 6_000;

describeBrokers('pages of what lives', (suite) => {
  /** Lists all that match, page by page. */
  async function list(filter: LiveFilter = {}, limit = 100): Promise<ExecutionRecord[]> {
    const records: ExecutionRecord[] = [];
    let cursor: string | undefined;
    do {
      const page = await suite.other.executions.page(filter, { limit, cursor });
      expect(page.records.length).toBeLessThanOrEqual(limit);
      records.push(...page.records);
      ({ cursor } = page);
    } while (cursor !== undefined);
    return records;
  }

  const keys = async (filter?: LiveFilter, limit?: number): Promise<string[]> =>
    (await list(filter, limit)).map(({ key }) => key);

  it('are empty where nothing lives', async () => {
    await suite.add(keyed('k'));
    await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
    expect(await suite.other.executions.page({}, { limit: 10 })).toEqual({ records: [] });
  });

  it.each([1, 2, 3, 50])(
    'have running ones first, then those that wait, then the rest by time: %i a page',
    async (limit) => {
      await suite.bring('parked', 'parked');
      await suite.bring('retrying', 'retrying');
      await suite.bring('running', 'running');
      const when = inAnHour();
      await suite.broker.executions.add([
        keyed('in three hours', 1, { when: when + 7_200_000 }),
        keyed('in two hours', 1, { when: when + 3_600_000 }),
        keyed('low', 1, { priority: 7 }),
        keyed('first'),
        keyed('second'),
        keyed('lower', 1, { priority: 8 }),
      ]);
      const order = [
        'running',
        'first',
        'second',
        'low',
        'lower',
        'retrying',
        'in two hours',
        'in three hours',
        'parked',
      ];
      expect(await keys({}, limit)).toEqual(order);
    },
  );

  it('have all that is known of an execution but arguments, result and extras', async () => {
    await suite.add(keyed('k', 'x'.repeat(5_000), { priority: 3, extras: { isAutomatic: true } }));
    const claim = await suite.claim();
    await suite.broker.runs.setProgress(claim, { current: 1, total: 4, message: 'half' });
    const [running] = await list();
    const { extras: _extras, ...rest } = await suite.record('k');
    expect(running).toEqual({ ...rest, args: '[]' });
    expect(running).toMatchObject({
      state: 'running',
      progress: { current: 1, total: 4, message: 'half' },
      priority: 3,
    });
    await suite.broker.runs.settle(claim, SETTLEMENTS.retry(), false);
    const [retrying] = await list();
    const { extras: _more, ...known } = await suite.record('k');
    expect(retrying).toEqual({ ...known, args: '[]' });
    expect(retrying).toMatchObject({ state: 'retrying', error: { name: 'Error', message: 'bad' } });
    expect(retrying?.trail).toHaveLength(1);
  });

  it('tell keys, also those that are too long for an index, and of executions that have none of their own', async () => {
    const long = `${'k'.repeat(300)}"\\\u0000é😀`;
    const texts = [long, 'a%b', 'c\0d', '","key":"no', `${'l'.repeat(280)}","key":"no`];
    for (const key of texts)
      await suite.add(keyed(key, { key: 'no', text: '","key":"no' }, { extras: { isStruck: true } }));
    const own = await suite.add(job({ key: 'no' }));
    expect((await keys()).toSorted()).toEqual([...texts, own].toSorted());
    expect(await keys({ keyPrefix: long })).toEqual([long]);
    expect(await keys({ keyPrefix: own })).toEqual([own]);
  });

  it('leave out the arguments of a later run, of any size, and nothing else', async () => {
    const args = JSON.stringify(['"args":"', '\\"args\\":\\"', 'x'.repeat(200_000), '"}"}']);
    await suite.add(keyed('k'));
    await suite.broker.runs.settle(await suite.claim(), { type: 'reschedule', at: 0, args, reason: 'next' }, false);
    const error = { name: 'Error', message: 'bad', response: { args: 'told' } };
    await suite.broker.runs.settle(await suite.claim(), { type: 'retry', at: inAnHour(), error }, false);
    const { extras: _extras, ...known } = await suite.record('k');
    expect(known.args).toBe(args);
    const [listed] = await list();
    expect(listed).toEqual({ ...known, args: '[]' });
    expect(listed).toMatchObject({ run: 2, state: 'retrying', error });
    await suite.broker.executions.cancel('k', 'not wanted');
    const [ended] = (await suite.other.ended.page({}, { limit: 5, isBrief: true })).records;
    expect(ended).toEqual({ ...(await suite.record('k')), args: '[]' });
    expect(ended).toMatchObject({ run: 2, state: 'cancelled', reason: 'not wanted' });
  });

  describe('are filtered', () => {
    it('by state', async () => {
      for (const state of ['parked', 'retrying', 'running', 'scheduled', 'queued'] as const) {
        await suite.bring(state, state);
      }
      for (const state of ['parked', 'retrying', 'running', 'scheduled', 'queued'] as const) {
        expect(await keys({ states: [state] })).toEqual([state]);
      }
      expect(await keys({ states: ['scheduled', 'running', 'parked'] })).toEqual(['running', 'scheduled', 'parked']);
      expect(await keys({ states: [] })).toEqual([]);
    });

    it('by the state of what is due while no worker has noticed, and of a new run after a retry', async () => {
      await suite.broker.connect();
      const when = Date.now() + 300; // or a busy machine adds it when it is due
      await suite.add(keyed('due', null, { when }));
      await new Promise((resolve) => setTimeout(resolve, when + 5 - Date.now()));
      expect(await keys({ states: ['queued'] })).toEqual(['due']);
      expect(await keys({ states: ['scheduled', 'retrying'] })).toEqual([]);
      const retry = { type: 'retry', at: 0, error: { name: 'Error', message: 'bad' } } as const;
      await suite.broker.runs.settle(await suite.claim(), retry, false);
      await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS.reschedule(), false);
      expect(await keys({ states: ['scheduled'] })).toEqual(['due']);
      expect(await keys({ states: ['retrying'] })).toEqual([]);
    });

    it('by task, beginning of the key, error and worker', async () => {
      const held = (await suite.bring('a:1', 'running')) as Claim;
      const error = { name: 'TimeoutError', message: 'no "answer" \\ from 7' };
      await suite.broker.runs.settle(held, { type: 'retry', at: inAnHour(), error }, false);
      await suite.bring('a:2', 'running', suite.other);
      await suite.add(keyed('b:1', null, { name: 'mail' }));
      expect(await keys({ task: 'mail' })).toEqual(['b:1']);
      expect(await keys({ task: 'task' })).toEqual(['a:2', 'a:1']);
      expect(await keys({ keyPrefix: 'a:' })).toEqual(['a:2', 'a:1']);
      expect(await keys({ error: 'Timeout' })).toEqual(['a:1']);
      expect(await keys({ error: 'no "answer" \\' })).toEqual(['a:1']);
      expect(await keys({ error: 'timeout' })).toEqual([]);
      const worker = (await suite.record('a:2')).worker as string;
      expect(await keys({ worker, states: ['running'] })).toEqual(['a:2']);
      expect(await keys({ worker: 'w-9' })).toEqual([]);
      expect(await keys({ task: 'task', keyPrefix: 'a', error: 'answer', states: ['retrying'] })).toEqual(['a:1']);
    });

    it.each(['%', 'a%', '_', '*', 'é', '😀', '\ud83d', 'k'.repeat(300), '\\', "'", 'A'])(
      'by a beginning of the key that is literal: %j',
      async (prefix) => {
        await suite.add(keyed(`${prefix}x`));
        await suite.add(keyed('other'));
        expect(await keys({ keyPrefix: prefix })).toEqual([`${prefix}x`]);
      },
    );
  });

  it.each([
    ['wait', undefined],
    ['are due at one time', Date.now() + 3_600_000],
  ])('have each once, in its order, where many %s', async (_what, when) => {
    const added = Array.from({ length: MANY }, (_, at) =>
      keyed(`k${at}`, at, { when, name: at % 1_000 === 999 ? 'rare' : 'task' }),
    );
    for (let at = 0; at < MANY; at += 1_000) await suite.broker.executions.add(added.slice(at, at + 1_000));
    const all = await keys({}, 700);
    expect(all).toHaveLength(MANY);
    expect(new Set(all).size).toBe(MANY);
    if (when === undefined) expect(all).toEqual(added.map(({ key }) => key));
    const rare = added.flatMap(({ key, name }) => (name === 'rare' ? [key] : []));
    expect((await keys({ task: 'rare' })).toSorted()).toEqual(rare.toSorted());
    expect(await keys({ task: 'none' })).toEqual([]);
    const bounded = await suite.other.executions.page({ task: 'none' }, { limit: 100 });
    expect(bounded).toEqual({ records: [], ...(suite.kind.isShared && { cursor: expect.any(String) }) });
    await suite.broker.executions.clear('cleared');
  });

  it('go on behind what has moved on meanwhile', async () => {
    const when = inAnHour();
    await suite.broker.executions.add(Array.from({ length: 9 }, (_, at) => keyed(`k${at}`, at, { when: when + at })));
    const first = await suite.other.executions.page({}, { limit: 3 });
    for (const key of ['k0', 'k2']) await suite.broker.executions.cancel(key, 'not wanted');
    const second = await suite.other.executions.page({}, { limit: 3, cursor: first.cursor });
    expect(second.records.map(({ key }) => key)).toEqual(['k3', 'k4', 'k5']);
  });
});
