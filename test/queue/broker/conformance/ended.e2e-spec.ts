import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { COMPLETE, SETTLEMENTS, SHORT_LEASE, argsOf, describeBrokers, inAnHour, job, keyed } from './suite.js';
import type { Claim } from '../../../../lib/queue/broker/broker.js';
import type { EndedFilter } from '../../../../lib/queue/broker/ended.js';
import { LeaseLostError } from '../../../../lib/queue/broker/queue-errors.js';
import type { ExecutionRecord, StoredError } from '../../../../lib/queue/broker/record.js';
import type { Settlement } from '../../../../lib/queue/broker/settlement.js';
import { until } from '../../../support/until.js';

jest.setTimeout(60_000);

const failure = (message: string, name = 'Error'): Settlement => ({ type: 'fail', error: { name, message } });

describeBrokers('ended executions', (suite) => {
  /** Runs one to an end. */
  async function end(key: string, settlement: Settlement = COMPLETE, name = 'task'): Promise<string> {
    const id = await suite.addAs(keyed(key, key, { name }));
    await suite.broker.runs.settle(await suite.claim(), settlement, false);
    return id;
  }

  async function keys(filter: EndedFilter = {}, limit = 100): Promise<string[]> {
    const { records } = await suite.other.ended.page(filter, { limit });
    return records.map(({ key }) => key);
  }

  describe('are listed', () => {
    it('the last to have ended first, with all that is known of them', async () => {
      await end('a');
      await end('b', failure('bad'));
      await end('c', SETTLEMENTS.cancel());
      await end('d', SETTLEMENTS.drop());
      const { records, cursor } = await suite.other.ended.page({}, { limit: 10 });
      // Of those that end in one millisecond, the order is that of their ids, and so of their additions.
      expect(records.map(({ key }) => key)).toEqual(['d', 'c', 'b', 'a']);
      expect(cursor).toBeUndefined();
      expect(records.map(({ state }) => state)).toEqual(['dropped', 'cancelled', 'failed', 'completed']);
      expect(records[2]).toMatchObject({ name: 'task', args: '["b"]', error: { message: 'bad' }, attempt: 1 });
      expect(records[2]?.endedAt).toBeGreaterThanOrEqual(records[2]?.startedAt ?? Infinity);
    });

    it('without those that live', async () => {
      for (const state of ['scheduled', 'queued'] as const) await suite.bring(state, state);
      expect(await keys()).toEqual([]);
    });

    it('once for each time that a key was used', async () => {
      const first = await end('k', failure('one'));
      const second = await end('k');
      const { records } = await suite.other.ended.page({}, { limit: 10 });
      expect(records.map(({ id, key }) => [id, key])).toEqual([
        [second, 'k'],
        [first, 'k'],
      ]);
    });

    it('without replacements that were withdrawn while the run before them went on, which no retry finds', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      const superseded = await suite.broker.executions.replace(keyed('k', 'first'));
      const cancelled = await suite.broker.executions.replace(keyed('k', 'second'));
      await suite.broker.executions.cancel('k', 'not wanted', cancelled);
      const cleared = await suite.broker.executions.replace(keyed('k', 'third'));
      await suite.broker.executions.clear('cleared');
      const follower = await suite.broker.executions.replace(keyed('k', 'fourth'));
      await suite.broker.runs.settle(held, COMPLETE, false);
      await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS.cancel(), false);
      const { records } = await suite.other.ended.page({}, { limit: 10 });
      expect(records.map(({ id, state }) => [id, state])).toEqual([
        [follower, 'cancelled'],
        [held.id, 'completed'],
      ]);
      for (const id of [superseded, cancelled, cleared]) {
        expect(await suite.other.executions.find(id, 'k')).toMatchObject({ state: 'cancelled' });
        expect(await suite.other.ended.retry(id)).toBe('not-found');
        expect(await suite.other.ended.forget(id)).toBe(false);
      }
    });

    it('when they were cancelled before they ran', async () => {
      await suite.add(keyed('k', 1, { when: inAnHour() }));
      await suite.broker.executions.cancel('k', 'not wanted');
      await suite.add(job(2));
      await suite.broker.executions.clear('cleared');
      const { records } = await suite.other.ended.page({ states: ['cancelled'] }, { limit: 10 });
      expect(records.map(({ reason }) => reason).toSorted()).toEqual(['cleared', 'not wanted']);
    });

    it('by state, task, beginning of the key, text of the error and time', async () => {
      await end('a:1', failure('no answer from partner 7', 'TimeoutError'), 'send');
      const { records } = await suite.broker.ended.page({}, { limit: 1 });
      const at = records[0]?.endedAt ?? 0;
      await until(() => Date.now() > at, 'the next millisecond');
      await end('a:2', COMPLETE, 'send');
      await end('b:1', failure('said "no" \\ ok'), 'send');
      await end('b:2', SETTLEMENTS.cancel(), 'mail');

      expect(await keys({ states: ['failed'] })).toEqual(['b:1', 'a:1']);
      expect(await keys({ states: ['cancelled', 'completed'] })).toEqual(['b:2', 'a:2']);
      expect(await keys({ states: ['dropped'] })).toEqual([]);
      expect(await keys({ task: 'mail' })).toEqual(['b:2']);
      expect(await keys({ keyPrefix: 'a:' })).toEqual(['a:2', 'a:1']);
      expect(await keys({ error: 'partner' })).toEqual(['a:1']);
      expect(await keys({ error: 'Timeout' })).toEqual(['a:1']);
      expect(await keys({ error: 'timeout' })).toEqual([]);
      expect(await keys({ error: 'said "no" \\' })).toEqual(['b:1']);
      expect(await keys({ until: at })).toEqual(['a:1']);
      expect(await keys({ since: at + 1 })).toEqual(['b:2', 'b:1', 'a:2']);
      expect(await keys({ since: at, until: at, states: ['failed'], task: 'send', keyPrefix: 'a' })).toEqual(['a:1']);
    });

    it.each(['%', 'a%', '_', '*', 'é', '😀', '\ud83d', 'k'.repeat(300), '\\', "'", 'A'])(
      'by a beginning of the key that is literal: %j',
      async (prefix) => {
        await end(`${prefix}x`);
        await end('other');
        expect(await keys({ keyPrefix: prefix })).toEqual([`${prefix}x`]);
      },
    );

    it('page by page, each once, while others end and are forgotten', async () => {
      const ids: string[] = [];
      for (let at = 0; at < 12; at += 1) ids.push(await end(`k${at}`, at % 2 === 0 ? COMPLETE : failure('bad')));
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await suite.other.ended.page({}, { limit: 5, cursor });
        seen.push(...page.records.map(({ key }) => key));
        await end(`late${seen.length}`);
        await suite.broker.ended.forget(page.records.at(-1)?.id ?? ''); // the one that the cursor names
        ({ cursor } = page);
      } while (cursor !== undefined);
      expect(seen).toEqual(ids.map((_, at) => `k${11 - at}`));
    });

    it('page by page where many have ended in one millisecond', async () => {
      await suite.broker.executions.add(
        Array.from({ length: 25 }, (_, at) => keyed(`k${at}`, at, { when: inAnHour() })),
      );
      await suite.broker.executions.clear('cleared');
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await suite.other.ended.page({}, { limit: 7, cursor });
        seen.push(...page.records.map(({ key }) => key));
        ({ cursor } = page);
      } while (cursor !== undefined);
      expect(seen).toHaveLength(25);
      expect(new Set(seen).size).toBe(25);
    });

    it('in parts that are full, however few match', async () => {
      for (let at = 0; at < 10; at += 1) await end(`k${at}`, COMPLETE, at % 5 === 0 ? 'rare' : 'task');
      const page = await suite.other.ended.page({ task: 'rare' }, { limit: 2 });
      expect(page.records.map(({ key }) => key)).toEqual(['k5', 'k0']);
    });

    it('without arguments and results, and with all else, where a list wants no more', async () => {
      const long = 'k'.repeat(300);
      for (const key of ['a', long]) await end(key);
      await end('c', failure('bad'));
      const { records } = await suite.other.ended.page({}, { limit: 5, isBrief: true });
      const { records: all } = await suite.other.ended.page({}, { limit: 5 });
      expect(records.map(({ key }) => key)).toEqual(['c', long, 'a']);
      expect(records).toEqual(all.map(({ result: _result, ...rest }) => ({ ...rest, args: '[]' })));
      const { records: found } = await suite.other.ended.page({ keyPrefix: long }, { limit: 5, isBrief: true });
      expect(found.map(({ key }) => key)).toEqual([long]);
    });

    it('by the worker that was the last to run them', async () => {
      await end('a');
      await suite.addAs(keyed('b'));
      await suite.broker.executions.cancel('b', 'not wanted');
      const { worker } = await suite.record('a');
      expect(worker).toBeDefined();
      expect(await keys({ worker })).toEqual(['a']);
      expect(await keys({ worker: 'w-9' })).toEqual([]);
    });
  });

  describe('that have failed', () => {
    it('are grouped by task and kind of error', async () => {
      await end('a', failure('order 17 was declined'), 'charge');
      await end('b', failure('order 18 was declined'), 'charge');
      await end('c', failure('order 18 was declined'), 'refund');
      await end('d', failure('order 18 was declined', 'DeclinedError'), 'charge');
      await end('e', SETTLEMENTS.cancel(), 'charge');
      await end('f', SETTLEMENTS.drop(), 'charge');
      const groups = await suite.other.ended.failures(0);
      const shown = groups.map(({ count, example }) => [example.name, example.error?.name, count, example.key]);
      expect(shown.toSorted()).toEqual([
        ['charge', 'DeclinedError', 1, 'd'],
        ['charge', 'Error', 2, 'b'],
        ['refund', 'Error', 1, 'c'],
      ]);
    });

    it('are counted since a time', async () => {
      await end('a', failure('bad'));
      const [group] = await suite.broker.ended.failures(0);
      const at = group?.last ?? 0;
      await until(() => Date.now() > at + 5, 'some milliseconds');
      await end('b', failure('bad'));
      expect(await suite.other.ended.failures(0)).toMatchObject([{ count: 2 }]);
      const [later] = await suite.other.ended.failures(at + 3);
      expect(later).toMatchObject({ count: 1, example: { key: 'b' } });
      expect(later?.first).toBe(later?.last);
      expect(await suite.other.ended.failures(Date.now() + 1_000)).toEqual([]);
    });

    it('are counted once, also where a worker that has lost the lease fails them as well', async () => {
      suite.use({ lease: SHORT_LEASE });
      await suite.add(keyed('k'));
      const lost = await suite.claim();
      await suite.crash();
      await suite.other.runs.settle(await suite.claim(suite.other), failure('bad'), false);
      const counted = [{ count: 1, example: { id: lost.id, error: { message: 'bad' } } }];
      expect(await suite.other.ended.failures(0)).toMatchObject(counted);
      await expect(suite.broker.runs.settle(lost, failure('bad'), false)).rejects.toThrow(LeaseLostError);
      await expect(suite.broker.runs.settle(lost, failure('other'), false)).rejects.toThrow(LeaseLostError);
      expect(await suite.other.ended.failures(0)).toMatchObject(counted);
    });

    it('leave their group when they are retried or forgotten', async () => {
      const a = await end('a', failure('bad'));
      const b = await end('b', failure('bad'));
      await suite.other.ended.retry(a);
      expect(await suite.broker.ended.failures(0)).toMatchObject([{ count: 1, example: { key: 'b' } }]);
      await suite.other.ended.forget(b);
      expect(await suite.broker.ended.failures(0)).toEqual([]);
    });
  });

  describe('are retried', () => {
    let claimed: ExecutionRecord;
    const error: StoredError = { name: 'Error', message: 'bad' };

    beforeEach(async () => {
      await suite.add(keyed('k', 'old', { priority: 5 }));
      const first = await suite.claim();
      claimed = first.record;
      await suite.broker.runs.settle(first, { type: 'retry', at: Date.now(), error }, false);
      await suite.broker.runs.settle(await suite.claim(), { type: 'fail', error }, false);
    });

    it('as the same execution, with its key, arguments and priority, and attempts that count anew', async () => {
      expect(await suite.other.ended.retry(claimed.id)).toBe('retried');
      expect(await keys()).toEqual([]);
      expect(await suite.record('k')).toMatchObject({ id: claimed.id, state: 'queued', attempt: 1, priority: 5 });
      const again = await suite.claim();
      expect(again.id).toBe(claimed.id);
      expect(again.record).toMatchObject({ key: 'k', attempt: 1, priority: 5 });
      expect(again.record.error).toBeUndefined();
      expect(argsOf(again)).toBe('old');
      await suite.broker.runs.settle(again, COMPLETE, false);
      expect(await suite.record('k')).toMatchObject({ id: claimed.id, state: 'completed' });
      expect(await keys()).toEqual(['k']);
    });

    it('at once by whoever waits for work', async () => {
      const waiting = suite.other.runs.waitForWork(AbortSignal.timeout(20_000));
      await suite.broker.ended.retry(claimed.id);
      await waiting;
      expect((await suite.claim(suite.other)).id).toBe(claimed.id);
    });

    it('once, however many ask', async () => {
      const all = await Promise.all(Array.from({ length: 5 }, () => suite.other.ended.retry(claimed.id)));
      expect(all.toSorted()).toEqual([...Array.from({ length: 4 }, () => 'already-scheduled'), 'retried']);
      await suite.claim();
      expect(await suite.broker.runs.claim()).toBeUndefined();
    });

    it('and have their key again', async () => {
      await suite.other.ended.retry(claimed.id);
      expect(await suite.broker.executions.add([keyed('k')])).toMatchObject([{ id: claimed.id, isNew: false }]);
    });

    it('not when another has their key', async () => {
      const next = await suite.addAs(keyed('k', 'new'));
      expect(await suite.other.ended.retry(claimed.id)).toBe('already-scheduled');
      expect(await suite.record('k')).toMatchObject({ id: next });
      expect(await keys()).toEqual(['k']);
    });

    it('or have their key added anew, and never both', async () => {
      for (let round = 0; round < 40; round += 1) {
        const [retried, [added]] = await Promise.all([
          suite.other.ended.retry(claimed.id),
          suite.broker.executions.add([keyed('k', 'new')]),
          suite.broker.ended.retry(claimed.id),
        ]);
        expect((await suite.broker.executions.list(10)).records).toHaveLength(1);
        if (added?.isNew === true) expect(retried).toBe('already-scheduled');
        await suite.broker.runs.settle(await suite.claim(), failure('bad'), false);
      }
    });

    it('not when they have ended after a time', async () => {
      const { endedAt = 0 } = await suite.record('k');
      expect(await suite.other.ended.retry(claimed.id, endedAt - 1)).toBe('already-scheduled');
      expect(await suite.other.ended.retry(claimed.id, endedAt)).toBe('retried');
    });

    it('also after a cancellation of their run', async () => {
      await suite.broker.ended.retry(claimed.id);
      const held = await suite.claim();
      expect(await suite.other.executions.cancel('k', 'stop')).toBe('signalled');
      await suite.broker.runs.settle(held, { type: 'cancel', reason: 'stop' }, false);
      expect(await suite.other.ended.retry(claimed.id)).toBe('retried');
      expect((await suite.claim()).cancellation).toBeUndefined();
    });

    it('not when nobody knows them', async () => {
      expect(await suite.other.ended.retry('nobody')).toBe('not-found');
    });
  });

  describe('are forgotten', () => {
    it('one by one', async () => {
      const id = await end('k');
      expect(await suite.other.ended.forget(id)).toBe(true);
      expect(await suite.other.ended.forget(id)).toBe(false);
      expect(await suite.broker.executions.get('k')).toBeUndefined();
      expect(await suite.broker.executions.find(id, 'k')).toBeUndefined();
      expect(await keys()).toEqual([]);
    });

    it('not while they live, nor when they have ended after a time', async () => {
      const live = await suite.addAs(keyed('live', 1, { when: inAnHour() }));
      expect(await suite.other.ended.forget(live)).toBe(false);
      const id = await end('k');
      const { endedAt = 0 } = await suite.record('k');
      expect(await suite.other.ended.forget(id, endedAt - 1)).toBe(false);
      expect(await suite.other.ended.forget(id, endedAt)).toBe(true);
    });
  });

  describe('tell what has happened to them', () => {
    it('until now, with reasons and workers', async () => {
      await suite.add(keyed('k'));
      const at = Date.now();
      await suite.broker.runs.settle(
        await suite.claim(),
        { type: 'retry', at, error: { name: 'Error', message: 'bad' } },
        false,
      );
      await suite.broker.runs.settle(await suite.claim(), { type: 'park', reason: 'blocked' }, false);
      await suite.other.runs.wake('k');
      await suite.broker.runs.settle(await suite.claim(), { type: 'release', reason: 'shutdown' }, false);
      await suite.broker.runs.settle(await suite.claim(), { type: 'reschedule', at, args: '[]' }, false);
      const { trail = [] } = await suite.record('k');
      expect(trail.map(({ type, reason }) => [type, reason])).toEqual([
        ['retried', 'attempt 1 failed: Error: bad'],
        ['parked', 'blocked'],
        ['released', 'shutdown'],
        ['rescheduled', 'the next run of the perpetual task is due later'],
      ]);
      expect(trail.every((entry) => entry.worker === 'w-1' && entry.at >= at)).toBe(true);
      await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
      expect((await suite.record('k')).trail).toEqual(trail);
    });

    it('bounded, and what repeats itself once', async () => {
      await suite.add(keyed('k'));
      for (let at = 0; at < 30; at += 1) {
        const reason = at < 5 ? 'the same' : `reason ${at}`;
        await suite.broker.runs.settle(await suite.claim(), { type: 'release', reason }, false);
      }
      const { trail = [] } = await suite.record('k');
      expect(trail).toHaveLength(20);
      expect(trail.at(-1)).toMatchObject({ type: 'released', reason: 'reason 29' });
    });

    it('and of starts whose worker has died', async () => {
      suite.use({ lease: SHORT_LEASE });
      await suite.add(keyed('k'));
      await suite.claim();
      await suite.crash();
      const again = await suite.claim();
      const recovered = { type: 'recovered', reason: 'the lease of an earlier start expired (1 in this run)' };
      expect(again.record.trail).toMatchObject([recovered]);
      await suite.broker.runs.settle(again, { type: 'release', reason: 'shutdown' }, false);
      await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
      expect((await suite.record('k')).trail).toMatchObject([recovered, { type: 'released' }]);
    });

    it('also where the last start is the one after a death', async () => {
      suite.use({ lease: SHORT_LEASE });
      await suite.add(keyed('k'));
      await suite.claim();
      await suite.crash();
      await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
      expect((await suite.record('k')).trail).toMatchObject([{ type: 'recovered' }]);
    });

    it('and not of a death before they were retried, as if it had come after', async () => {
      suite.use({ lease: SHORT_LEASE });
      const id = await suite.addAs(keyed('k'));
      await suite.claim();
      await suite.crash();
      await suite.broker.executions.cancel('k', 'not wanted');
      await suite.broker.ended.retry(id);
      expect((await suite.claim()).record.trail?.at(-1)).toMatchObject({ type: 'retried' });
    });

    it('and of their error before they were retried', async () => {
      const id = await end('k', failure('bad'));
      await suite.broker.ended.retry(id);
      const { trail = [], error } = await suite.record('k');
      expect(error).toBeUndefined();
      expect(trail.map(({ type, reason }) => [type, reason])).toEqual([
        ['failed', 'Error: bad'],
        ['retried', 'queue.retry() was called'],
      ]);
    });
  });
});

describeBrokers('retention of ended executions', (suite) => {
  const times = { completed: 0, failed: '1h', cancelled: '1h', dropped: 0 } as const;

  beforeEach(() => suite.use({ retention: times }));

  it('goes by the state in which they have ended', async () => {
    for (const name of ['complete', 'fail', 'cancel', 'drop'] as const) {
      await suite.add(keyed(name));
      await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS[name](), false);
    }
    expect(await suite.stateOf('complete')).toBeUndefined();
    expect(await suite.stateOf('drop')).toBeUndefined();
    expect(await suite.stateOf('fail')).toBe('failed');
    expect(await suite.stateOf('cancel')).toBe('cancelled');
    const { records } = await suite.other.ended.page({}, { limit: 10 });
    expect(records.map(({ key }) => key)).toEqual(['cancel', 'fail']);
  });

  const DAY = 86_400_000;

  /** Runs executions of one task to all ends, as if that had been some days ago. */
  async function endDaysAgo(days: number, name: string): Promise<void> {
    const { now } = Date;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() - days * DAY);
    try {
      for (const end of ['complete', 'fail', 'cancel', 'drop'] as const) {
        await suite.addAs(keyed(`${name} ${days} ${end}`, 1, { name }));
        await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS[end](), false);
      }
      await suite.add(keyed(`${name} ${days} waiting`, 1, { name, when: inAnHour() }));
      await suite.broker.executions.cancel(`${name} ${days} waiting`, 'not wanted');
    } finally {
      clock.mockRestore();
    }
  }

  it('removes what is past its time, by state and by task, and nothing else', async () => {
    const queue = { completed: '1d', failed: '10d', cancelled: '3d', dropped: 0 } as const;
    suite.use({ retention: queue, own: { own: { completed: 10 * DAY, failed: DAY, cancelled: 5 * DAY } } });
    for (const days of [20, 4, 2]) for (const name of ['task', 'own']) await endDaysAgo(days, name);
    const left = [
      'own 2 cancel',
      'own 2 complete',
      'own 2 waiting',
      'own 4 cancel',
      'own 4 complete',
      'own 4 waiting',
      'task 2 cancel',
      'task 2 fail',
      'task 2 waiting',
      'task 4 fail',
    ];
    const ids = async (): Promise<string[]> => {
      const { records } = await suite.other.ended.page({}, { limit: 100 });
      return records.map(({ key }) => key).toSorted();
    };
    await until(async () => {
      await suite.other.runs.recover();
      return (await ids()).length <= left.length;
    }, 'the rest to be removed');
    expect(await ids()).toEqual(left);
    expect(await suite.other.ended.failures(0)).toMatchObject([{ count: 2 }]);
  });
});
