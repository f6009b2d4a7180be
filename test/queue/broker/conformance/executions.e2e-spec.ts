import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  HOUR,
  SHORT_LEASE,
  SETTLEMENT_NAMES,
  SETTLEMENTS,
  COMPLETE,
  argsOf,
  describeBrokers,
  inAnHour,
  job,
  keyed,
} from './suite.js';
import type { Claim, Signal } from '../../../../lib/queue/broker/broker.js';
import { LeaseLostError } from '../../../../lib/queue/broker/queue-errors.js';
import { during, until } from '../../../support/until.js';
import { LIVE_STATES } from '../../../../lib/queue/broker/record.js';
import type { Settlement } from '../../../../lib/queue/broker/settlement.js';

jest.setTimeout(60_000);

/** What makes trouble somewhere: names that BullMQ uses itself, separators, numbers, patterns, and text that is no UTF-8. */
const KEYS: Readonly<Record<string, string>> = {
  'a name that BullMQ uses': 'queue',
  'another one': 'stream',
  'the name of a Redis key of BullMQ': 'meta',
  'a name with a colon': 'a:b',
  'what is before the colon': 'a',
  'what is behind the colon': 'b',
  'a colon alone': ':',
  'that name, escaped': 'a%3Ab',
  'a whole number': '42',
  zero: '0',
  'a number with a zero before it': '042',
  'single quotes': "it's",
  'double quotes': '"quoted"',
  'a backslash': 'back\\slash',
  newlines: 'two\nlines\r\n',
  'one newline less': 'two\nlines\r',
  spaces: ' ',
  'a space at the end': 'a ',
  'a capital letter': 'A',
  'a pattern': '*',
  'a hash tag': '{a}',
  'the name of a property': '__proto__',
  'another property': 'constructor',
  Unicode: 'Zoë 日本 😀',
  'a composed character': 'é',
  'the same, decomposed': 'e\u0301',
  'a high surrogate alone': '\ud800',
  'another one alone': '\ud801',
  'a low surrogate alone': 'x\udc00',
  'the replacement character': '\ufffd',
  NUL: 'a\0b',
  'NUL alone': '\0',
  '5,000 characters': 'k'.repeat(5_000),
  '5,000 characters, the last another': `${'k'.repeat(4_999)}l`,
};

describeBrokers('executions', (suite) => {
  describe('keys', () => {
    it.each(Object.entries(KEYS))('may be %s', async (_what, key) => {
      expect(await suite.broker.executions.add([keyed(key)])).toMatchObject([{ key, isNew: true }]);
      expect(await suite.other.executions.add([keyed(key)])).toMatchObject([{ key, isNew: false }]);
      expect(await suite.other.executions.get(key)).toMatchObject({ key, state: 'queued' });
      expect((await suite.broker.executions.list(10)).records).toEqual([expect.objectContaining({ key })]);
      expect(await suite.other.executions.cancel(key, 'changed my mind')).toBe('cancelled');
      expect(await suite.broker.executions.get(key)).toMatchObject({ key, state: 'cancelled' });

      expect(await suite.broker.executions.add([keyed(key)])).toMatchObject([{ key, isNew: true }]);
      await suite.broker.executions.replace(keyed(key, 'new'));
      const held = await suite.claim();
      expect([held.record.key, argsOf(held)]).toEqual([key, 'new']);
      await suite.broker.runs.settle(held, SETTLEMENTS.park(), false);
      expect(await suite.broker.runs.wake(key)).toBe(true);
      await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
      expect(await suite.other.executions.get(key)).toMatchObject({ key, state: 'completed' });
      expect(await suite.broker.executions.add([keyed(key)])).toMatchObject([{ key, isNew: true }]);
    });

    it('are never taken for one another', async () => {
      const keys = Object.values(KEYS);
      const added = await suite.broker.executions.add(keys.map((key, index) => keyed(key, index)));
      expect(added).toMatchObject(keys.map((key) => ({ key, isNew: true })));
      for (const [index, key] of keys.entries()) expect((await suite.record(key)).args).toBe(`[${index}]`);
      const { records } = await suite.broker.executions.list(1_000);
      expect(records.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
      for (const key of keys) {
        const held = await suite.claim();
        expect(held.record.key).toBe(key);
        await suite.broker.runs.settle(held, { type: 'complete', result: held.record.args }, false);
      }
      for (const [index, key] of keys.entries()) {
        expect(await suite.record(key)).toMatchObject({ key, state: 'completed', result: `[${index}]` });
      }
    });

    it('are made up where there is none, each another', async () => {
      const added = await suite.broker.executions.add(Array.from({ length: 50 }, () => job()));
      expect(added.every(({ key, isNew }) => isNew && key !== '')).toBe(true);
      const more = await suite.other.executions.add(Array.from({ length: 50 }, () => job()));
      expect(new Set([...added, ...more].map(({ key }) => key)).size).toBe(100);
      expect(await suite.broker.executions.get(added[0]?.key ?? '')).toMatchObject({
        key: added[0]?.key,
        state: 'queued',
      });
    });

    it('are unknown before they are added', async () => {
      expect(await suite.broker.executions.get('nobody')).toBeUndefined();
    });
  });

  describe('ids', () => {
    const text = "NUL \0, surrogate \ud800, quote ', 😀";
    /** Longer than what is kept of a key beside the job's data. */
    const LONG = 'k'.repeat(300);

    it('are told when an execution is added, also by who found the key taken', async () => {
      const [added] = await suite.broker.executions.add([keyed('k', 'old')]);
      const [found] = await suite.other.executions.add([keyed('k', 'new')]);
      expect(added?.id).toEqual(expect.any(String));
      expect(found?.id).toBe(added?.id);
      const held = await suite.claim();
      expect([held.id, held.record.id, (await suite.record('k')).id]).toEqual(
        Array.from({ length: 3 }, () => added?.id),
      );
      const [unkeyed] = await suite.broker.executions.add([job()]);
      expect((await suite.record(unkeyed?.key ?? '')).id).toBe(unkeyed?.id);
      const [known] = await suite.other.executions.add([keyed(unkeyed?.key ?? '')]);
      expect(known).toEqual({ ...unkeyed, isNew: false });
    });

    it('are never used again, while the key is', async () => {
      const ids = new Set<string>();
      for (let times = 0; times < 3; times += 1) {
        ids.add(await suite.addAs(keyed('k')));
        await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
      }
      ids.add(await suite.broker.executions.replace(keyed('k', 'a', { when: inAnHour() })));
      ids.add(await suite.broker.executions.replace(keyed('k', 'b', { when: inAnHour() })));
      expect(ids.size).toBe(5);
    });

    it('stay the same over retries, later runs, parking and crashes', async () => {
      suite.use({ lease: SHORT_LEASE });
      const id = await suite.addAs(keyed('k'));
      for (const settlement of [
        { type: 'retry', at: Date.now(), error: { name: 'Error', message: 'bad' } },
        { type: 'reschedule', at: Date.now(), args: '["again"]' },
        { type: 'park', reason: 'blocked' },
      ] as const) {
        await suite.broker.runs.settle(await until(() => suite.broker.runs.claim(), 'the next run'), settlement, false);
        expect((await suite.other.executions.find(id, 'k'))?.state).toBe(
          settlement.type === 'park' ? 'parked' : 'queued',
        );
      }
      await suite.broker.runs.wake('k');
      await suite.claim();
      await suite.crash();
      expect((await suite.claim(suite.other)).id).toBe(id);
    });

    it.each([['k'], [text], [LONG]])(
      'lead to what is known of one execution, without its arguments: %j',
      async (key) => {
        const id = await suite.addAs(keyed(key, 'x', { when: inAnHour(), priority: 3 }));
        const { args, extras, ...known } = await suite.record(key);
        expect(args).toBe('["x"]');
        expect(extras).toBeUndefined();
        expect(await suite.other.executions.find(id, key)).toMatchObject(known);
        expect(await suite.other.executions.find('0123456789-0', key)).toBeUndefined();
      },
    );

    it('lead to progress, error, result and the arguments of a later run', async () => {
      const id = await suite.addAs(keyed('k', 'old'));
      const error = { name: 'Error', message: text, code: 'E' };
      await suite.broker.runs.settle(await suite.claim(), { type: 'retry', at: Date.now(), error }, false);
      expect(await suite.other.executions.find(id, 'k')).toMatchObject({ attempt: 2, starts: 1, error });
      const args = JSON.stringify([text]);
      await suite.broker.runs.settle(await suite.claim(), { type: 'reschedule', at: Date.now(), args }, false);
      expect(await suite.other.executions.find(id, 'k')).toMatchObject({ attempt: 1, run: 2, args });
      const held = await suite.claim();
      await suite.broker.runs.setProgress(held, { current: 1, total: 2, message: 'half' });
      const progress = { current: 1, total: 2, message: 'half' };
      expect(await suite.other.executions.find(id, 'k')).toMatchObject({
        state: 'running',
        progress,
        worker: 'w-1',
        starts: 3,
      });
      const result = JSON.stringify([text]);
      await suite.broker.runs.settle(held, { type: 'complete', result }, false);
      const ended = await suite.other.executions.find(id, 'k');
      expect(ended).toMatchObject({ state: 'completed', result, worker: 'w-1' });
      expect(ended?.endedAt).toBeGreaterThan(0);
    });

    it.each(['complete', 'fail', 'cancel', 'drop'] as const)('still lead to one that ended with %s', async (name) => {
      const id = await suite.addAs(keyed('k', 'old'));
      await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS[name](), false);
      const before = await suite.other.executions.find(id, 'k');
      await suite.addAs(keyed('k', 'new'));
      await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
      expect(await suite.other.executions.find(id, 'k')).toEqual(before);
      expect(before?.state).toMatch(/^(completed|failed|cancelled|dropped)$/);
    });

    it.each(['scheduled', 'queued', 'retrying', 'parked'] as const)(
      'still lead to one that was cancelled, replaced or cleared while %s',
      async (state) => {
        const ids: string[] = [];
        for (const end of [
          () => suite.broker.executions.cancel('k', 'not wanted'),
          () => suite.broker.executions.replace(keyed('k', 'new', { when: inAnHour() })),
          () => suite.broker.executions.clear('all must go'),
        ]) {
          await suite.bring('k', state);
          ids.push((await suite.record('k')).id);
          await end();
          await suite.broker.executions.clear('all must go');
        }
        const found = await Promise.all(ids.map((id) => suite.other.executions.find(id, 'k')));
        expect(found.map((status) => `${status?.state}: ${status?.reason}`)).toEqual([
          'cancelled: not wanted',
          'cancelled: queue.replace() was called',
          'cancelled: all must go',
        ]);
      },
    );

    it('lead to what is to follow a run, and to what became of it', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      const first = await suite.other.executions.replace(keyed('k', 'first thought'));
      const second = await suite.other.executions.replace(keyed('k', 'new'));
      expect(await suite.broker.executions.find(first, 'k')).toMatchObject({
        state: 'cancelled',
        reason: 'queue.replace() was called',
      });
      expect(await suite.broker.executions.find(second, 'k')).toMatchObject({ state: 'parked', key: 'k' });
      await suite.broker.runs.settle(held, COMPLETE, false);
      const next = await until(() => suite.broker.runs.claim(), 'the new one');
      expect(next.id).toBe(second);
      await suite.broker.runs.settle(next, COMPLETE, false);
      expect((await suite.other.executions.find(second, 'k'))?.state).toBe('completed');
      expect((await suite.other.executions.find(held.id, 'k'))?.state).toBe('completed');
    });

    it('lead to what was to follow a run, and was cancelled or cleared with it', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      const first = await suite.other.executions.replace(keyed('k', 'new'));
      await suite.other.executions.cancel('k', 'enough');
      const second = await suite.other.executions.replace(keyed('k', 'new'));
      await suite.other.executions.clear('all must go');
      await suite.broker.runs.settle(held, { type: 'cancel', reason: 'enough' }, false);
      expect(await suite.broker.executions.find(first, 'k')).toMatchObject({ state: 'cancelled', reason: 'enough' });
      expect(await suite.broker.executions.find(second, 'k')).toMatchObject({
        state: 'cancelled',
        reason: 'all must go',
      });
    });

    it('are all that is cancelled when one is given', async () => {
      const id = await suite.addAs(keyed('k', 'old'));
      await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
      const next = await suite.addAs(keyed('k', 'new'));
      expect(await suite.other.executions.cancel('k', 'not this one', id)).toBe('not-found');
      expect(await suite.stateOf('k')).toBe('queued');
      const held = await suite.claim();
      const follower = await suite.broker.executions.replace(keyed('k', 'newest', { when: inAnHour() }));
      expect(await suite.other.executions.cancel('k', 'not this one', id)).toBe('not-found');
      expect(await suite.other.executions.cancel('k', 'enough', next)).toBe('signalled');
      await suite.broker.runs.settle(held, { type: 'cancel', reason: 'enough' }, false);
      await until(async () => (await suite.record('k')).id === follower, 'the replacement, which stays');
      expect(await suite.other.executions.cancel('k', 'this one', follower)).toBe('cancelled');
      expect(await suite.broker.executions.size()).toBe(0);
    });

    it('cancel what is to follow a run, and leave the run alone', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      const follower = await suite.broker.executions.replace(keyed('k', 'new'));
      expect(await suite.other.executions.cancel('k', 'changed my mind', follower)).toBe('cancelled');
      expect(await suite.other.executions.cancel('k', 'changed my mind', follower)).toBe('not-found');
      expect((await suite.broker.runs.renew([held])).cancelled.size).toBe(0);
      await suite.broker.runs.settle(held, COMPLETE, false);
      expect(await suite.broker.runs.claim()).toBeUndefined();
    });
  });

  describe('add', () => {
    it('keeps everything about the execution', async () => {
      const name = "Zoë's 日本: 😀";
      const text = "NUL \0, surrogate \ud800, quote ', newline \n, 😀";
      const before = Date.now();
      const when = inAnHour();
      await suite.add({ key: 'k', name, args: JSON.stringify([text]), priority: 7, when });
      const {
        id: _id,
        addedAt,
        ...rest
      } = await suite.other.executions.get('k').then((found) => found ?? Promise.reject(new Error('lost')));
      expect(rest).toEqual({
        key: 'k',
        name,
        args: JSON.stringify([text]),
        priority: 7,
        state: 'scheduled',
        when,
        since: when,
        run: 1,
        attempt: 1,
        starts: 0,
      });
      expect(addedAt).toBeGreaterThanOrEqual(before);
      expect(addedAt).toBeLessThanOrEqual(Date.now());
    });

    it('keeps a megabyte of arguments', async () => {
      const args = JSON.stringify(['ü'.repeat(1_000_000)]);
      await suite.add({ ...keyed('large'), args });
      expect((await suite.claim()).record.args).toBe(args);
    });

    it('is due at once where no time is given, or it is over', async () => {
      await suite.add(keyed('now'));
      await suite.add(keyed('past', null, { when: Date.now() - HOUR }));
      await suite.add(keyed('long ago', null, { when: 0 }));
      expect([await suite.stateOf('now'), await suite.stateOf('past'), await suite.stateOf('long ago')]).toEqual(
        Array.from({ length: 3 }, () => 'queued'),
      );
      expect(await suite.runAll()).toHaveLength(3);
    });

    it.each(LIVE_STATES)('changes nothing while an execution with the key is %s', async (state) => {
      await suite.bring('k', state);
      const before = await suite.record('k');
      expect(before.state).toBe(state);
      const another = keyed('k', 'new', { name: 'another', priority: 9, when: Date.now() + 2 * HOUR });
      expect(await suite.other.executions.add([another])).toMatchObject([{ key: 'k', isNew: false }]);
      expect(await suite.record('k')).toEqual(before);
      expect(await suite.broker.executions.size()).toBe(1);
    });

    const ENDS: Readonly<Record<string, () => Promise<unknown>>> = {
      completed: async () => suite.broker.runs.settle((await suite.bring('k', 'running')) as Claim, COMPLETE, false),
      failed: async () =>
        suite.broker.runs.settle((await suite.bring('k', 'running')) as Claim, SETTLEMENTS.fail(), false),
      dropped: async () =>
        suite.broker.runs.settle((await suite.bring('k', 'running')) as Claim, SETTLEMENTS.drop(), false),
      'cancelled while it ran': async () =>
        suite.broker.runs.settle((await suite.bring('k', 'running')) as Claim, SETTLEMENTS.cancel(), false),
      ...Object.fromEntries(
        (['scheduled', 'queued', 'parked', 'retrying'] as const).flatMap((state) => [
          [
            `cancelled while ${state}`,
            () => suite.bring('k', state).then(() => suite.broker.executions.cancel('k', 'not wanted')),
          ],
          [
            `cleared while ${state}`,
            () => suite.bring('k', state).then(() => suite.broker.executions.clear('all must go')),
          ],
        ]),
      ),
    };

    it.each(Object.entries(ENDS))('takes a key whose execution was %s, and starts from scratch', async (_end, end) => {
      await end();
      const { endedAt, state } = await suite.record('k');
      expect(['completed', 'failed', 'dropped', 'cancelled']).toContain(state);
      expect(endedAt).toBeGreaterThan(0);
      expect(await suite.broker.executions.size()).toBe(0);

      expect(await suite.other.executions.add([keyed('k', 'new')])).toMatchObject([{ key: 'k', isNew: true }]);
      const { id: _id, when, addedAt, ...rest } = await suite.record('k');
      expect(rest).toEqual({
        key: 'k',
        name: 'task',
        args: '["new"]',
        priority: 0,
        state: 'queued',
        since: when,
        run: 1,
        attempt: 1,
        starts: 0,
      });
      expect(Math.abs(when - addedAt)).toBeLessThan(1_000);
      const held = await suite.claim();
      expect([argsOf(held), held.crashes, held.cancellation]).toEqual(['new', 0, undefined]);
      expect(await suite.broker.runs.claim()).toBeUndefined();
    });

    it('takes many in one call: with and without keys, taken ones, and one key twice', async () => {
      await suite.add(keyed('taken', 'first'));
      const added = await suite.broker.executions.add([
        keyed('a', 1),
        job(2),
        keyed('a', 3),
        keyed('taken', 4),
        job(5),
        keyed('b', 6, { when: inAnHour() }),
        keyed('c', 7, { priority: 1 }),
      ]);
      expect(added.map(({ isNew }) => isNew)).toEqual([true, true, false, false, true, true, true]);
      expect(added.map(({ key }) => key)).toEqual([
        'a',
        expect.any(String),
        'a',
        'taken',
        expect.any(String),
        'b',
        'c',
      ]);
      expect(await suite.runAll()).toEqual(['first', 1, 2, 5, 7]);
      expect(await suite.stateOf('b')).toBe('scheduled');
    });

    it('takes none', async () => {
      expect(await suite.broker.executions.add([])).toEqual([]);
    });

    it('takes a key once, however many ask at the same time', async () => {
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          (index % 2 === 0 ? suite.broker : suite.other).executions.add([keyed('k', index)]),
        ),
      );
      expect(results.flat().filter(({ isNew }) => isNew)).toHaveLength(1);
      expect(await suite.runAll()).toHaveLength(1);
    });
  });

  describe('replace', () => {
    it('adds where there is none', async () => {
      await suite.broker.executions.replace(keyed('k', 'new'));
      expect(await suite.record('k')).toMatchObject({
        key: 'k',
        args: '["new"]',
        state: 'queued',
        attempt: 1,
        starts: 0,
      });
      expect(await suite.runAll()).toEqual(['new']);
    });

    it('adds where it has ended', async () => {
      await suite.broker.runs.settle((await suite.bring('k', 'running')) as Claim, SETTLEMENTS.fail(), false);
      await suite.broker.executions.replace(keyed('k', 'new'));
      expect((await suite.record('k')).error).toBeUndefined();
      expect(await suite.runAll()).toEqual(['new']);
    });

    it.each(['scheduled', 'queued', 'retrying', 'parked'] as const)('takes the place of a %s one', async (state) => {
      await suite.bring('k', state);
      await suite.other.executions.replace(keyed('k', 'new', { name: 'another', priority: 3 }));
      const { id: _id, when, addedAt: _addedAt, ...rest } = await suite.record('k');
      expect(rest).toEqual({
        key: 'k',
        name: 'another',
        args: '["new"]',
        priority: 3,
        state: 'queued',
        since: when,
        run: 1,
        attempt: 1,
        starts: 0,
      });
      expect(await suite.broker.executions.size()).toBe(1);
      expect(await suite.runAll()).toEqual(['new']);
      expect(await suite.stateOf('k')).toBe('completed');
    });

    it.each(['scheduled', 'queued', 'retrying', 'parked'] as const)('puts a %s one off', async (state) => {
      await suite.bring('k', state);
      const when = inAnHour();
      await suite.broker.executions.replace(keyed('k', 'new', { when }));
      expect(await suite.record('k')).toMatchObject({ state: 'scheduled', when, args: '["new"]' });
      expect(await suite.broker.runs.claim()).toBeUndefined();
      expect(await suite.broker.runs.wake('k')).toBe(false);
      expect(await suite.broker.executions.size()).toBe(1);
    });

    it('is followed by the last of five, one after the other', async () => {
      await suite.bring('k', 'scheduled');
      for (let number = 1; number <= 5; number += 1) {
        await (number % 2 === 0 ? suite.broker : suite.other).executions.replace(
          keyed('k', number, { when: Date.now() + 20 }),
        );
      }
      await until(async () => (await suite.stateOf('k')) === 'queued', 'the last to be due');
      expect(await suite.runAll()).toEqual([5]);
      expect(await suite.broker.executions.size()).toBe(0);
    });

    it('is followed by the last of five at the same time', async () => {
      await suite.bring('k', 'scheduled');
      await Promise.all([1, 2, 3, 4, 5].map((number) => suite.broker.executions.replace(keyed('k', number))));
      expect(await suite.runAll()).toEqual([5]);
      expect(await suite.broker.executions.size()).toBe(0);
    });

    it('is followed by one of many processes that replace at the same time', async () => {
      await Promise.all(
        Array.from({ length: 20 }, (_, number) =>
          (number % 2 === 0 ? suite.broker : suite.other).executions.replace(keyed('k', number)),
        ),
      );
      expect(await suite.runAll()).toHaveLength(1);
      expect(await suite.broker.executions.size()).toBe(0);
    });

    /** The end of a run may have to be told to the process that replaces. */
    async function isReplaced(key: string): Promise<void> {
      await until(
        async () => (await suite.broker.executions.get(key))?.args === '["new"]',
        'the new one to take the place of the old one',
      );
    }

    it.each(SETTLEMENT_NAMES)('waits while the old one runs, and follows when that settles with %s', async (name) => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.other.executions.replace(keyed('k', 'first thought'));
      await suite.other.executions.replace(keyed('k', 'new'));
      expect(await suite.record('k')).toMatchObject({ state: 'running', args: '["old"]' });
      expect([await suite.broker.runs.claim(), await suite.other.runs.claim()]).toEqual([undefined, undefined]);
      expect(await suite.other.executions.add([keyed('k', 'another')])).toMatchObject([{ key: 'k', isNew: false }]);

      await suite.broker.runs.settle(held, SETTLEMENTS[name](), false);
      await isReplaced('k');
      expect(await suite.record('k')).toMatchObject({ state: 'queued', attempt: 1, starts: 0 });
      const next = await suite.claim(suite.other);
      expect([argsOf(next), next.crashes, next.record.attempt]).toEqual(['new', 0, 1]);
      expect(next.id).not.toBe(held.id);
      expect(await suite.broker.runs.claim()).toBeUndefined();
      await suite.other.runs.settle(next, COMPLETE, false);
      expect(await suite.broker.executions.size()).toBe(0);
      expect(await suite.stateOf('k')).toBe('completed');
    });

    it('of a running one may be for later', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      const when = inAnHour();
      await suite.broker.executions.replace(keyed('k', 'new', { when, priority: 4 }));
      await suite.broker.runs.settle(held, COMPLETE, false);
      await isReplaced('k');
      expect(await suite.record('k')).toMatchObject({ state: 'scheduled', when, priority: 4 });
      expect(await suite.broker.runs.claim()).toBeUndefined();
    });

    const AT_ONCE: Readonly<Record<string, () => Settlement>> = {
      complete: SETTLEMENTS.complete,
      retry: () => ({ ...SETTLEMENTS.retry(), at: Date.now() }),
      reschedule: () => ({ ...SETTLEMENTS.reschedule(), at: Date.now() }),
      release: SETTLEMENTS.release,
    };

    it.each(Object.entries(AT_ONCE))('comes before a next run of the old one: %s', async (_name, settlement) => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.executions.replace(keyed('k', 'new'));
      const next =
        (await suite.broker.runs.settle(held, settlement(), true)) ??
        (await until(() => suite.broker.runs.claim(), 'the new one'));
      expect(argsOf(next)).toBe('new');
      expect(await suite.other.runs.claim()).toBeUndefined();
    });

    it('leaves no moment at which the queue looks empty', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.executions.replace(keyed('k', 'new'));
      await suite.broker.runs.settle(held, COMPLETE, false);
      expect(await suite.broker.executions.size()).toBe(1);
      expect(await suite.other.executions.size()).toBe(1);
    });

    it('follows a run that was asked to stop before', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.executions.cancel('k', 'not this one');
      await suite.broker.executions.replace(keyed('k', 'new'));
      await suite.broker.runs.settle(held, { type: 'cancel', reason: 'not this one' }, false);
      const next = await until(() => suite.broker.runs.claim(), 'the new one');
      expect([argsOf(next), next.cancellation]).toEqual(['new', undefined]);
    });

    it('survives the crash of the old one, and never runs beside it', async () => {
      suite.use({ lease: SHORT_LEASE });
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.other.executions.replace(keyed('k', 'new'));
      await suite.crash();
      await expect(suite.broker.runs.settle(held, COMPLETE, false)).rejects.toThrow(LeaseLostError);
      const ran: unknown[] = [];
      for (let next = await suite.other.runs.claim(); next !== undefined; next = await suite.other.runs.claim()) {
        ran.push(argsOf(next));
        expect(await suite.broker.runs.claim()).toBeUndefined();
        await suite.other.runs.settle(next, COMPLETE, false);
      }
      expect([['new'], ['old', 'new']]).toContainEqual(ran);
      expect(await suite.broker.executions.size()).toBe(0);
    });
  });

  describe('cancel', () => {
    it.each(['scheduled', 'queued', 'retrying', 'parked'] as const)('ends a %s one', async (state) => {
      await suite.bring('k', state);
      const reason = 'NUL \0, surrogate \ud800, newline \n';
      expect(await suite.other.executions.cancel('k', reason)).toBe('cancelled');
      const { endedAt, ...rest } = await suite.record('k');
      expect(rest).toMatchObject({ key: 'k', state: 'cancelled', reason, args: '["old"]' });
      expect(endedAt).toBeGreaterThan(0);
      expect(await suite.broker.runs.claim()).toBeUndefined();
      expect(await suite.broker.runs.wake('k')).toBe(false);
      expect(await suite.broker.executions.size()).toBe(0);
      expect(await suite.broker.executions.cancel('k', 'again')).toBe('not-found');
      expect((await suite.record('k')).reason).toBe(reason);
    });

    it('tells everybody of a running one, and leaves its end to the worker', async () => {
      const heard: Signal[] = [];
      await suite.broker.signals.subscribe((signal) => heard.push(signal));
      const held = (await suite.bring('k', 'running')) as Claim;
      expect(await suite.other.executions.cancel('k', 'enough')).toBe('signalled');
      await until(() => heard.some(({ type }) => type === 'cancel'), 'the signal');
      expect(heard.filter(({ type }) => type === 'cancel')).toEqual([{ type: 'cancel', id: held.id }]);
      expect(await suite.record('k')).toMatchObject({ state: 'running' });
      await suite.broker.runs.settle(held, { type: 'cancel', reason: 'enough' }, false);
      expect(await suite.record('k')).toMatchObject({ state: 'cancelled', reason: 'enough' });
    });

    it('is told by renew() when the signal was lost', async () => {
      await suite.broker.executions.add([job(1), keyed('k', 2), job(3)]);
      const claims = [await suite.claim(), await suite.claim(), await suite.claim()];
      expect(await suite.other.executions.cancel('k', 'enough')).toBe('signalled');
      const { lost, cancelled } = await suite.broker.runs.renew(claims);
      expect(lost).toEqual([]);
      expect([...cancelled]).toEqual([[claims[1], 'enough']]);
    });

    it('of a running one does not keep it from completing', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.executions.cancel('k', 'too late');
      await suite.broker.runs.settle(held, { type: 'complete', result: '["done"]' }, false);
      expect(await suite.record('k')).toMatchObject({ state: 'completed', result: '["done"]' });
    });

    it.each(['retry', 'reschedule', 'release'] as const)('beats a %s', async (name) => {
      const held = (await suite.bring('k', 'running')) as Claim;
      expect(await suite.other.executions.cancel('k', 'enough')).toBe('signalled');
      const settlement = { ...SETTLEMENTS[name](), ...(name !== 'release' && { at: Date.now() }) };
      await suite.broker.runs.settle(held, settlement as Settlement, false);
      const next = await suite.broker.runs.claim();
      // Either it has ended, or who starts it next is told.
      if (next === undefined) expect(await suite.record('k')).toMatchObject({ state: 'cancelled', reason: 'enough' });
      else expect(next.cancellation).toBe('enough');
    });

    it('drops the replacement of a running one, too', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.executions.replace(keyed('k', 'new'));
      expect(await suite.other.executions.cancel('k', 'enough')).toBe('signalled');
      await suite.broker.runs.settle(held, { type: 'cancel', reason: 'enough' }, false);
      expect(await suite.broker.runs.claim()).toBeUndefined();
      expect(await suite.record('k')).toMatchObject({ state: 'cancelled', args: '["old"]' });
      expect(await suite.broker.executions.size()).toBe(0);
    });

    it('finds nothing where it has ended, and where it never was', async () => {
      await suite.broker.runs.settle((await suite.bring('k', 'running')) as Claim, COMPLETE, false);
      const before = await suite.record('k');
      expect(await suite.broker.executions.cancel('k', 'too late')).toBe('not-found');
      expect(await suite.record('k')).toEqual(before);
      expect(await suite.broker.executions.cancel('nobody', 'why not')).toBe('not-found');
      expect(await suite.broker.executions.get('nobody')).toBeUndefined();
    });

    it('reaches the next worker when the first has died', async () => {
      suite.use({ lease: SHORT_LEASE });
      await suite.bring('k', 'running');
      expect(await suite.other.executions.cancel('k', 'enough')).toBe('signalled');
      await suite.crash();
      const next = await suite.other.runs.claim();
      if (next === undefined) expect(await suite.stateOf('k')).toBe('cancelled');
      else expect(next).toMatchObject({ cancellation: 'enough', crashes: 1 });
    });

    it('reaches what waits for another worker because the first has died', async () => {
      suite.use({ lease: SHORT_LEASE });
      await suite.bring('k', 'running');
      await suite.crash();
      expect(await suite.other.executions.cancel('k', 'enough')).toBe('cancelled');
      expect(await suite.other.runs.claim()).toBeUndefined();
    });

    it('is forgotten when the key is used anew', async () => {
      suite.use({ lease: SHORT_LEASE });
      await suite.bring('k', 'running');
      await suite.broker.executions.cancel('k', 'enough');
      await suite.crash();
      await suite.other.executions.replace(keyed('k', 'new'));
      const next = await suite.claim(suite.other);
      expect([argsOf(next), next.cancellation, next.crashes]).toEqual(['new', undefined, 0]);
    });
  });

  describe('clear', () => {
    it('cancels all that does not run, and frees the keys at once', async () => {
      const running = (await suite.bring('running', 'running')) as Claim;
      for (const state of ['parked', 'retrying', 'scheduled', 'queued'] as const) await suite.bring(state, state);
      await suite.broker.executions.add([job(1), job(2, { priority: 9 })]);
      expect(await suite.other.executions.clear('all must go')).toBe(6);
      expect(await suite.broker.executions.list(10)).toEqual({
        counts: { scheduled: 0, queued: 0, parked: 0, running: 1, retrying: 0 },
        records: [expect.objectContaining({ key: 'running' })],
      });
      for (const key of ['parked', 'retrying', 'scheduled', 'queued']) {
        expect(await suite.record(key)).toMatchObject({ state: 'cancelled', reason: 'all must go' });
        expect(await suite.broker.executions.add([keyed(key, key)])).toMatchObject([{ key, isNew: true }]);
      }
      expect(await suite.runAll()).toEqual(['parked', 'retrying', 'scheduled', 'queued']);
      await suite.broker.runs.settle(running, COMPLETE, false);
      expect(await suite.stateOf('running')).toBe('completed');
    });

    it('takes away what was to follow a running one', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.executions.replace(keyed('k', 'new'));
      await suite.other.executions.clear('all must go');
      await suite.broker.runs.settle(held, COMPLETE, false);
      expect(await suite.broker.runs.claim()).toBeUndefined();
      expect(await suite.record('k')).toMatchObject({ state: 'completed', args: '["old"]' });
    });

    it('finds nothing in an empty queue', async () => {
      expect(await suite.broker.executions.clear('all must go')).toBe(0);
    });

    it('clears thousands', async () => {
      await suite.broker.executions.add(
        Array.from({ length: 2_500 }, (_, index) => job(index, index % 2 === 0 ? {} : { when: inAnHour() })),
      );
      expect(await suite.broker.executions.size()).toBe(2_500);
      expect(await suite.broker.executions.clear('all must go')).toBe(2_500);
      expect(await suite.broker.executions.size()).toBe(0);
      expect(await suite.broker.runs.claim()).toBeUndefined();
    });
  });

  describe('retention', () => {
    const RETENTION = 400;
    beforeEach(() => suite.use({ retention: RETENTION }));

    async function gone(key: string): Promise<void> {
      await until(async () => {
        await suite.other.runs.recover();
        return (await suite.broker.executions.get(key)) === undefined;
      }, `execution ${key} to be forgotten`);
    }

    it.each(['complete', 'fail', 'cancel', 'drop'] as const)('ends for what was settled with %s', async (name) => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(held, SETTLEMENTS[name](), false);
      expect((await suite.record('k')).endedAt).toBeGreaterThan(0);
      await gone('k');
      expect(await suite.broker.executions.add([keyed('k')])).toMatchObject([{ key: 'k', isNew: true }]);
    });

    it('ends for what was cancelled or cleared before it ran', async () => {
      await suite.bring('a', 'scheduled');
      await suite.bring('b', 'queued');
      await suite.broker.executions.cancel('a', 'not wanted');
      await suite.broker.executions.clear('all must go');
      expect([await suite.stateOf('a'), await suite.stateOf('b')]).toEqual(['cancelled', 'cancelled']);
      await gone('a');
      await gone('b');
    });

    it('of an earlier execution does not take a later one with it', async () => {
      for (const key of ['k', 'twin', 'replaced']) {
        await suite.add(keyed(key));
        await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
      }
      await suite.add(keyed('k', 'new', { when: inAnHour() }));
      await suite.broker.executions.replace(keyed('replaced', 'new', { when: inAnHour() }));
      await gone('twin');
      await during(RETENTION, () => suite.other.runs.recover());
      expect(await suite.record('k')).toMatchObject({ state: 'scheduled', args: '["new"]' });
      expect(await suite.record('replaced')).toMatchObject({ state: 'scheduled', args: '["new"]' });
      expect(await suite.broker.executions.add([keyed('k')])).toMatchObject([{ key: 'k', isNew: false }]);
      expect(await suite.broker.executions.size()).toBe(2);
    });

    it('does not end for what has not ended', async () => {
      const states = ['parked', 'retrying', 'scheduled', 'queued'] as const;
      for (const state of states) await suite.bring(state, state);
      await during(2 * RETENTION, () => suite.other.runs.recover());
      for (const state of states) expect(await suite.record(state)).toMatchObject({ state });
    });

    it('may be none', async () => {
      suite.use({ retention: 0 });
      await suite.broker.runs.settle((await suite.bring('k', 'running')) as Claim, COMPLETE, false);
      expect(await suite.broker.executions.get('k')).toBeUndefined();
      expect(await suite.broker.executions.add([keyed('k')])).toMatchObject([{ key: 'k', isNew: true }]);
    });

    it('is ten seconds at least for who has the id, and ends for them, too', async () => {
      suite.use({ retention: 0 });
      const completed = (await suite.bring('a', 'running')) as Claim;
      await suite.broker.runs.settle(completed, { type: 'complete', result: '["done"]' }, false);
      const cancelled = await suite.addAs(keyed('b'));
      await suite.broker.executions.cancel('b', 'not wanted');
      expect([await suite.stateOf('a'), await suite.stateOf('b')]).toEqual([undefined, undefined]);
      const endedAt = Date.now();
      await until(
        async () => {
          await suite.other.runs.recover();
          const isGone = (await suite.other.executions.find(completed.id, 'a')) === undefined;
          return isGone && (await suite.other.executions.find(cancelled, 'b')) === undefined;
        },
        'both to be forgotten',
        30_000,
      );
      expect(Date.now() - endedAt).toBeGreaterThan(9_000);
    });
  });

  describe('list', () => {
    it('counts what has not ended, and lists it', async () => {
      await suite.bring('parked', 'parked');
      await suite.bring('retrying', 'retrying');
      await suite.bring('running', 'running');
      await suite.broker.runs.settle((await suite.bring('completed', 'running')) as Claim, COMPLETE, false);
      await suite.bring('scheduled', 'scheduled');
      await suite.bring('queued', 'queued');
      await suite.add(keyed('queued, but last', 'old', { priority: 3 }));
      const { counts, records } = await suite.other.executions.list(100);
      expect(counts).toEqual({ scheduled: 1, queued: 2, parked: 1, running: 1, retrying: 1 });
      expect(Object.fromEntries(records.map(({ key, state }) => [key, state]))).toEqual({
        parked: 'parked',
        retrying: 'retrying',
        running: 'running',
        scheduled: 'scheduled',
        queued: 'queued',
        'queued, but last': 'queued',
      });
      for (const one of records) expect(one).toEqual(await suite.record(one.key));
    });

    it('counts what was handed back, and what has come due, as queued', async () => {
      await suite.broker.runs.settle((await suite.bring('released', 'running')) as Claim, SETTLEMENTS.release(), false);
      await suite.add(keyed('due', null, { when: Date.now() + 20 }));
      await until(async () => (await suite.stateOf('due')) === 'queued', 'it to be due');
      const { counts, records } = await suite.other.executions.list(10);
      expect(records.map(({ state }) => state)).toEqual(['queued', 'queued']);
      expect(counts).toEqual({ scheduled: 0, queued: 2, parked: 0, running: 0, retrying: 0 });
    });

    it('counts all, however few are listed', async () => {
      await suite.bring('parked', 'parked');
      await suite.bring('retrying', 'retrying');
      await suite.bring('scheduled', 'scheduled');
      expect(await suite.other.executions.size()).toBe(3);
      const { counts } = await suite.other.executions.list(0);
      expect(counts).toEqual({ scheduled: 1, queued: 0, parked: 1, running: 0, retrying: 1 });
    });

    it('lists as many as it is asked to', async () => {
      await suite.broker.executions.add(
        Array.from({ length: 9 }, (_, index) => job(index, { when: index % 2 === 0 ? inAnHour() : undefined })),
      );
      for (const limit of [0, 1, 5, 9]) {
        const { counts, records } = await suite.broker.executions.list(limit);
        expect([records.length, counts.queued + counts.scheduled]).toEqual([limit, 9]);
        expect(new Set(records.map(({ key }) => key)).size).toBe(limit);
      }
    });

    it('is empty in an empty queue', async () => {
      expect(await suite.broker.executions.list(10)).toEqual({
        counts: { scheduled: 0, queued: 0, parked: 0, running: 0, retrying: 0 },
        records: [],
      });
    });
  });
});
