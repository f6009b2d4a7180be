import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  LIVE_STATES,
  type Broker,
  type Claim,
  type ExecutionRecord,
  type KeyedExecution,
  type LiveState,
  type NewExecution,
  type Settlement,
  type Signal,
  type WorkerInfo,
} from '../../../lib/queue/brokers/broker.js';
import { BrokerUnavailableError, LeaseLostError } from '../../../lib/queue/queue-errors.js';
import { createBroker } from '../../../lib/queue/brokers/create-broker.js';
import { systemClock } from '../../../lib/queue/clock.js';
import { resolveQueueOptions } from '../../../lib/queue/queue-options.js';
import { BROKERS, brokerSpace, SHARED_BROKERS, type BrokerLabel, type BrokerOverrides } from '../../support/brokers.js';
import { during, until } from '../../support/until.js';

jest.setTimeout(60_000);

/** Of the tests that wait for leases to expire. */
const SHORT_LEASE = 500;
/** Under the 5 seconds after which those who wait look by themselves, with what a busy machine adds. */
const HURRY = 3_000;
const HOUR = 3_600_000;

const inAnHour = (): number => Date.now() + HOUR;

/** An execution whose arguments tell which one it is. */
function job(args: unknown = null, overrides: Partial<NewExecution> = {}): NewExecution {
  return { key: undefined, name: 'task', args: JSON.stringify([args]), priority: 0, when: undefined, ...overrides };
}

function keyed(key: string, args: unknown = null, overrides: Partial<NewExecution> = {}): KeyedExecution {
  return { ...job(args, overrides), key };
}

const argsOf = ({ record }: Claim): unknown => (JSON.parse(record.args) as unknown[])[0];

const COMPLETE: Settlement = { type: 'complete', result: '[null]' };

/** Every way to settle a run; those that go on do so in an hour, where they can. */
const SETTLEMENTS = {
  complete: () => COMPLETE,
  retry: () => ({ type: 'retry', at: inAnHour(), error: { name: 'Error', message: 'bad' } }),
  reschedule: () => ({ type: 'reschedule', at: inAnHour(), args: '["rescheduled"]' }),
  fail: () => ({ type: 'fail', error: { name: 'Error', message: 'bad' } }),
  cancel: () => ({ type: 'cancel', reason: 'not wanted' }),
  drop: () => ({ type: 'drop', reason: 'not allowed' }),
  release: () => ({ type: 'release', reason: 'shutdown' }),
  'release until later': () => ({ type: 'release', at: inAnHour(), reason: 'unknown' }),
  park: () => ({ type: 'park', reason: 'blocked' }),
} satisfies Record<string, () => Settlement>;

type SettlementName = keyof typeof SETTLEMENTS;
const SETTLEMENT_NAMES = Object.keys(SETTLEMENTS) as SettlementName[];

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

describe.each(BROKERS)('the broker: $label', (kind) => {
  const space = brokerSpace(kind);
  let queue: string;
  let broker: Broker;
  /** Another process; in memory there is but one. */
  let other: Broker;
  let opened: Broker[];

  function open(overrides?: BrokerOverrides): Broker {
    const found = space.open(queue, overrides);
    opened.push(found);
    return found;
  }

  /** All processes of a fleet have the same lease and retention. */
  function use(overrides: BrokerOverrides): void {
    broker = open({ ...overrides, workerId: 'w-1' });
    other = kind.isShared ? open({ ...overrides, workerId: 'w-2' }) : broker;
  }

  beforeEach(() => {
    queue = space.newQueue();
    opened = [];
    use({});
  });
  afterEach(() => Promise.all(opened.map((one) => one.close())));

  async function add(execution: NewExecution): Promise<string> {
    const [added] = await broker.add([execution]);
    expect(added?.isNew).toBe(true);
    return added?.key ?? '';
  }

  /** Nothing has to happen first: it is due. */
  async function claim(from = broker): Promise<Claim> {
    const found = await from.claim();
    if (found === undefined) throw new Error('There is nothing to claim');
    return found;
  }

  async function record(key: string): Promise<ExecutionRecord> {
    const found = await broker.get(key);
    if (found === undefined) throw new Error(`There is no execution ${key}`);
    return found;
  }

  async function stateOf(key: string): Promise<string | undefined> {
    return (await broker.get(key))?.state;
  }

  /** Runs everything that is due, one by one, and tells the arguments in the order of the runs. */
  async function runAll(): Promise<unknown[]> {
    const ran: unknown[] = [];
    for (let next = await broker.claim(); next !== undefined; next = await broker.claim()) {
      ran.push(argsOf(next));
      await broker.settle(next, COMPLETE, false);
    }
    return ran;
  }

  /** Makes an execution of that state, with the key and 'old' as its arguments. */
  async function bring(key: string, state: LiveState, at = broker): Promise<Claim | undefined> {
    await add(keyed(key, 'old', state === 'scheduled' ? { when: inAnHour() } : {}));
    if (state === 'scheduled' || state === 'queued') return undefined;
    const held = await claim(at);
    if (state === 'retrying') await at.settle(held, SETTLEMENTS.retry(), false);
    if (state === 'parked') await at.settle(held, SETTLEMENTS.park(), false);
    return held;
  }

  /** The leases of so many runs expire; `other` is who notices. */
  async function crash(count = 1): Promise<void> {
    let crashed = 0;
    await until(async () => (crashed += (await other.recover()).crashed) >= count, `${count} leases to expire`);
    expect(crashed).toBe(count);
  }

  describe('keys', () => {
    it.each(Object.entries(KEYS))('may be %s', async (_what, key) => {
      expect(await broker.add([keyed(key)])).toEqual([{ key, isNew: true }]);
      expect(await other.add([keyed(key)])).toEqual([{ key, isNew: false }]);
      expect(await other.get(key)).toMatchObject({ key, state: 'queued' });
      expect((await broker.list(10)).records).toEqual([expect.objectContaining({ key })]);
      expect(await other.cancel(key, 'changed my mind')).toBe('cancelled');
      expect(await broker.get(key)).toMatchObject({ key, state: 'cancelled' });

      expect(await broker.add([keyed(key)])).toEqual([{ key, isNew: true }]);
      await broker.replace(keyed(key, 'new'));
      const held = await claim();
      expect([held.record.key, argsOf(held)]).toEqual([key, 'new']);
      await broker.settle(held, SETTLEMENTS.park(), false);
      expect(await broker.wake(key)).toBe(true);
      await broker.settle(await claim(), COMPLETE, false);
      expect(await other.get(key)).toMatchObject({ key, state: 'completed' });
      expect(await broker.add([keyed(key)])).toEqual([{ key, isNew: true }]);
    });

    it('are never taken for one another', async () => {
      const keys = Object.values(KEYS);
      const added = await broker.add(keys.map((key, index) => keyed(key, index)));
      expect(added).toEqual(keys.map((key) => ({ key, isNew: true })));
      for (const [index, key] of keys.entries()) expect((await record(key)).args).toBe(`[${index}]`);
      const { records } = await broker.list(1_000);
      expect(records.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
      for (const key of keys) {
        const held = await claim();
        expect(held.record.key).toBe(key);
        await broker.settle(held, { type: 'complete', result: held.record.args }, false);
      }
      for (const [index, key] of keys.entries()) {
        expect(await record(key)).toMatchObject({ key, state: 'completed', result: `[${index}]` });
      }
    });

    it('are made up where there is none, each another', async () => {
      const added = await broker.add(Array.from({ length: 50 }, () => job()));
      expect(added.every(({ key, isNew }) => isNew && key !== '')).toBe(true);
      const more = await other.add(Array.from({ length: 50 }, () => job()));
      expect(new Set([...added, ...more].map(({ key }) => key)).size).toBe(100);
      expect(await broker.get(added[0]?.key ?? '')).toMatchObject({ key: added[0]?.key, state: 'queued' });
    });

    it('are unknown before they are added', async () => {
      expect(await broker.get('nobody')).toBeUndefined();
    });
  });

  describe('add', () => {
    it('keeps everything about the execution', async () => {
      const name = "Zoë's 日本: 😀";
      const text = "NUL \0, surrogate \ud800, quote ', newline \n, 😀";
      const before = Date.now();
      const when = inAnHour();
      await add({ key: 'k', name, args: JSON.stringify([text]), priority: 7, when });
      const { addedAt, ...rest } = await other.get('k').then((found) => found ?? Promise.reject(new Error('lost')));
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
      await add({ ...keyed('large'), args });
      expect((await claim()).record.args).toBe(args);
    });

    it('is due at once where no time is given, or it is over', async () => {
      await add(keyed('now'));
      await add(keyed('past', null, { when: Date.now() - HOUR }));
      await add(keyed('long ago', null, { when: 0 }));
      expect([await stateOf('now'), await stateOf('past'), await stateOf('long ago')]).toEqual(
        Array.from({ length: 3 }, () => 'queued'),
      );
      expect(await runAll()).toHaveLength(3);
    });

    it.each(LIVE_STATES)('changes nothing while an execution with the key is %s', async (state) => {
      await bring('k', state);
      const before = await record('k');
      expect(before.state).toBe(state);
      const another = keyed('k', 'new', { name: 'another', priority: 9, when: Date.now() + 2 * HOUR });
      expect(await other.add([another])).toEqual([{ key: 'k', isNew: false }]);
      expect(await record('k')).toEqual(before);
      expect(await broker.size()).toBe(1);
    });

    const ENDS: Readonly<Record<string, () => Promise<unknown>>> = {
      completed: async () => broker.settle((await bring('k', 'running')) as Claim, COMPLETE, false),
      failed: async () => broker.settle((await bring('k', 'running')) as Claim, SETTLEMENTS.fail(), false),
      dropped: async () => broker.settle((await bring('k', 'running')) as Claim, SETTLEMENTS.drop(), false),
      'cancelled while it ran': async () =>
        broker.settle((await bring('k', 'running')) as Claim, SETTLEMENTS.cancel(), false),
      ...Object.fromEntries(
        (['scheduled', 'queued', 'parked', 'retrying'] as const).flatMap((state) => [
          [`cancelled while ${state}`, () => bring('k', state).then(() => broker.cancel('k', 'not wanted'))],
          [`cleared while ${state}`, () => bring('k', state).then(() => broker.clear('all must go'))],
        ]),
      ),
    };

    it.each(Object.entries(ENDS))('takes a key whose execution was %s, and starts from scratch', async (_end, end) => {
      await end();
      const { endedAt, state } = await record('k');
      expect(['completed', 'failed', 'dropped', 'cancelled']).toContain(state);
      expect(endedAt).toBeGreaterThan(0);
      expect(await broker.size()).toBe(0);

      expect(await other.add([keyed('k', 'new')])).toEqual([{ key: 'k', isNew: true }]);
      const { when, addedAt, ...rest } = await record('k');
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
      const held = await claim();
      expect([argsOf(held), held.crashes, held.cancellation]).toEqual(['new', 0, undefined]);
      expect(await broker.claim()).toBeUndefined();
    });

    it('takes many in one call: with and without keys, taken ones, and one key twice', async () => {
      await add(keyed('taken', 'first'));
      const added = await broker.add([
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
      expect(await runAll()).toEqual(['first', 1, 2, 5, 7]);
      expect(await stateOf('b')).toBe('scheduled');
    });

    it('takes none', async () => {
      expect(await broker.add([])).toEqual([]);
    });

    it('takes a key once, however many ask at the same time', async () => {
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? broker : other).add([keyed('k', index)])),
      );
      expect(results.flat().filter(({ isNew }) => isNew)).toHaveLength(1);
      expect(await runAll()).toHaveLength(1);
    });
  });

  describe('claim', () => {
    it('gives nothing where there is nothing', async () => {
      expect(await broker.claim()).toBeUndefined();
    });

    it('starts a run', async () => {
      await add(keyed('k', 'mine'));
      const held = await claim();
      expect(held).toEqual({
        id: expect.any(String),
        token: expect.any(String),
        record: expect.objectContaining({ key: 'k', state: 'running', attempt: 1, starts: 1 }),
        crashes: 0,
      });
      expect(await other.get('k')).toEqual(held.record);
      expect(await other.claim()).toBeUndefined();
    });

    it('notes the worker, also when the run has ended', async () => {
      await add(keyed('k'));
      const held = await claim(broker);
      expect(held.record.worker).toBe('w-1');
      await broker.settle(held, COMPLETE, false);
      expect((await record('k')).worker).toBe('w-1');
    });

    it('goes by priority, then first in, first out', async () => {
      await broker.add([
        job('last', { priority: 2_097_151 }),
        job('third', { priority: 5 }),
        job('first'),
        job('fourth', { priority: 5 }),
        job('second'),
      ]);
      expect(await runAll()).toEqual(['first', 'second', 'third', 'fourth', 'last']);
    });

    it('is first in, first out over many calls', async () => {
      const numbers = Array.from({ length: 30 }, (_, index) => index);
      for (const number of numbers) await (number % 3 === 0 ? other : broker).add([job(number)]);
      expect(await runAll()).toEqual(numbers);
    });

    it('goes by priority among what has come due, too', async () => {
      const now = Date.now();
      await broker.add([job('second', { when: now + 30, priority: 1 }), job('first', { when: now + 60 })]);
      await until(() => Date.now() > now + 60, 'both to be due');
      expect(await runAll()).toEqual(['first', 'second']);
    });

    it('never gives one execution to two', async () => {
      await broker.add(Array.from({ length: 60 }, (_, index) => job(index)));
      const claims = await Promise.all(
        Array.from({ length: 80 }, (_, index) => (index % 2 === 0 ? broker : other).claim()),
      );
      const numbers = claims.filter((one) => one !== undefined).map(argsOf);
      expect(numbers.toSorted((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 60 }, (_, index) => index),
      );
    });

    it('has an id for each execution that is never used again', async () => {
      const ids = new Set<string>();
      for (let round = 0; round < 3; round += 1) {
        await add(keyed('k'));
        const held = await claim();
        ids.add(held.id);
        await broker.settle(held, SETTLEMENTS.release(), false);
        const again = await claim();
        expect(again.id).toBe(held.id);
        expect(again.token).not.toBe(held.token);
        await broker.settle(again, COMPLETE, false);
      }
      expect(ids.size).toBe(3);
    });

    it('leaves alone what is not due, and gives it when it is', async () => {
      await add(keyed('far', null, { when: Date.now() + 3_600_000 }));
      expect(await broker.claim()).toBeUndefined();
      expect(await stateOf('far')).toBe('scheduled');
      const when = Date.now() + 200;
      await add(keyed('k', null, { when }));
      const { signal } = new AbortController();
      let looks = 0;
      let held: Claim | undefined;
      while (held === undefined) {
        looks += 1;
        await broker.waitForWork(signal);
        held = await broker.claim();
      }
      expect(held.record).toMatchObject({ key: 'k', when });
      expect(Date.now()).toBeGreaterThanOrEqual(when);
      expect(Date.now()).toBeLessThan(when + HURRY);
      expect(looks).toBeLessThan(20);
    });

    it('shows what has come due as queued', async () => {
      await add(keyed('k', null, { when: Date.now() + 30 }));
      await until(async () => (await stateOf('k')) === 'queued', 'the execution to be queued');
      expect((await claim()).record.key).toBe('k');
    });
  });

  describe('waitForWork', () => {
    let stop: AbortController;
    beforeEach(() => {
      stop = new AbortController();
    });
    afterEach(() => stop.abort());

    /** Waits as workers do, until there is a claim. */
    async function work(): Promise<Claim> {
      for (;;) {
        const found = await broker.claim();
        if (found !== undefined) return found;
        await broker.waitForWork(stop.signal);
        if (stop.signal.aborted) throw new Error('Stopped without a claim');
      }
    }

    async function expectSoon(begin: () => Promise<unknown>): Promise<Claim> {
      const working = work();
      await during(50, () => {}); // so that it has begun to wait
      await begin();
      const start = performance.now();
      const found = await working;
      expect(performance.now() - start).toBeLessThan(HURRY);
      return found;
    }

    it('is over at once when something is due, or the signal was aborted before', async () => {
      await add(job());
      const start = performance.now();
      await broker.waitForWork(stop.signal);
      await claim();
      stop.abort();
      await broker.waitForWork(stop.signal);
      expect(performance.now() - start).toBeLessThan(HURRY);
    });

    it('is over when the signal is aborted, and can be begun again', async () => {
      for (let round = 0; round < 3; round += 1) {
        const controller = new AbortController();
        const waiting = broker.waitForWork(controller.signal);
        await during(20, () => {});
        const start = performance.now();
        controller.abort();
        await waiting;
        expect(performance.now() - start).toBeLessThan(HURRY);
      }
      expect(argsOf(await expectSoon(() => other.add([job('new')])))).toBe('new');
    });

    it('hears of what is added', async () => {
      expect(argsOf(await expectSoon(() => other.add([job('new')])))).toBe('new');
    });

    it('hears of what is added with a low priority', async () => {
      expect(argsOf(await expectSoon(() => other.add([job('new', { priority: 100 })])))).toBe('new');
    });

    it('hears of what is to come sooner than all the rest', async () => {
      await add(job('far', { when: inAnHour() }));
      const found = await expectSoon(() => other.add([job('near', { when: Date.now() + 100 })]));
      expect(argsOf(found)).toBe('near');
    });

    it('hears of what replaces what was scheduled for later', async () => {
      await bring('k', 'scheduled');
      expect(argsOf(await expectSoon(() => other.replace(keyed('k', 'new'))))).toBe('new');
    });

    it('hears of what was woken', async () => {
      await bring('k', 'parked');
      expect(argsOf(await expectSoon(() => other.wake('k')))).toBe('old');
    });

    it('hears of what was handed back', async () => {
      const held = (await bring('k', 'running', other)) as Claim;
      expect(argsOf(await expectSoon(() => other.settle(held, SETTLEMENTS.release(), false)))).toBe('old');
    });

    it('hears of what is to be tried again', async () => {
      const held = (await bring('k', 'running', other)) as Claim;
      const found = await expectSoon(() =>
        other.settle(held, { type: 'retry', at: Date.now() + 50, error: { name: 'Error', message: 'bad' } }, false),
      );
      expect(found.record.attempt).toBe(2);
    });

    it('hears of the replacement of a run that has settled', async () => {
      const held = (await bring('k', 'running', other)) as Claim;
      await broker.replace(keyed('k', 'new'));
      expect(argsOf(await expectSoon(() => other.settle(held, COMPLETE, false)))).toBe('new');
    });

    it('serves all who wait', async () => {
      const workers = Array.from({ length: 3 }, () => work());
      await during(50, () => {});
      await other.add([job(1), job(2), job(3)]);
      const claims = await Promise.all(workers);
      expect(claims.map(argsOf).toSorted()).toEqual([1, 2, 3]);
    });
  });

  describe('replace', () => {
    it('adds where there is none', async () => {
      await broker.replace(keyed('k', 'new'));
      expect(await record('k')).toMatchObject({ key: 'k', args: '["new"]', state: 'queued', attempt: 1, starts: 0 });
      expect(await runAll()).toEqual(['new']);
    });

    it('adds where it has ended', async () => {
      await broker.settle((await bring('k', 'running')) as Claim, SETTLEMENTS.fail(), false);
      await broker.replace(keyed('k', 'new'));
      expect((await record('k')).error).toBeUndefined();
      expect(await runAll()).toEqual(['new']);
    });

    it.each(['scheduled', 'queued', 'retrying', 'parked'] as const)('takes the place of a %s one', async (state) => {
      await bring('k', state);
      await other.replace(keyed('k', 'new', { name: 'another', priority: 3 }));
      const { when, addedAt: _addedAt, ...rest } = await record('k');
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
      expect(await broker.size()).toBe(1);
      expect(await runAll()).toEqual(['new']);
      expect(await stateOf('k')).toBe('completed');
    });

    it.each(['scheduled', 'queued', 'retrying', 'parked'] as const)('puts a %s one off', async (state) => {
      await bring('k', state);
      const when = inAnHour();
      await broker.replace(keyed('k', 'new', { when }));
      expect(await record('k')).toMatchObject({ state: 'scheduled', when, args: '["new"]' });
      expect(await broker.claim()).toBeUndefined();
      expect(await broker.wake('k')).toBe(false);
      expect(await broker.size()).toBe(1);
    });

    it('is followed by the last of five, one after the other', async () => {
      await bring('k', 'scheduled');
      for (let number = 1; number <= 5; number += 1) {
        await (number % 2 === 0 ? broker : other).replace(keyed('k', number, { when: Date.now() + 20 }));
      }
      await until(async () => (await stateOf('k')) === 'queued', 'the last to be due');
      expect(await runAll()).toEqual([5]);
      expect(await broker.size()).toBe(0);
    });

    it('is followed by the last of five at the same time', async () => {
      await bring('k', 'scheduled');
      await Promise.all([1, 2, 3, 4, 5].map((number) => broker.replace(keyed('k', number))));
      expect(await runAll()).toEqual([5]);
      expect(await broker.size()).toBe(0);
    });

    it('is followed by one of many processes that replace at the same time', async () => {
      await Promise.all(
        Array.from({ length: 20 }, (_, number) => (number % 2 === 0 ? broker : other).replace(keyed('k', number))),
      );
      expect(await runAll()).toHaveLength(1);
      expect(await broker.size()).toBe(0);
    });

    /** The end of a run may have to be told to the process that replaces. */
    async function isReplaced(key: string): Promise<void> {
      await until(
        async () => (await broker.get(key))?.args === '["new"]',
        'the new one to take the place of the old one',
      );
    }

    it.each(SETTLEMENT_NAMES)('waits while the old one runs, and follows when that settles with %s', async (name) => {
      const held = (await bring('k', 'running')) as Claim;
      await other.replace(keyed('k', 'first thought'));
      await other.replace(keyed('k', 'new'));
      expect(await record('k')).toMatchObject({ state: 'running', args: '["old"]' });
      expect([await broker.claim(), await other.claim()]).toEqual([undefined, undefined]);
      expect(await other.add([keyed('k', 'another')])).toEqual([{ key: 'k', isNew: false }]);

      await broker.settle(held, SETTLEMENTS[name](), false);
      await isReplaced('k');
      expect(await record('k')).toMatchObject({ state: 'queued', attempt: 1, starts: 0 });
      const next = await claim(other);
      expect([argsOf(next), next.crashes, next.record.attempt]).toEqual(['new', 0, 1]);
      expect(next.id).not.toBe(held.id);
      expect(await broker.claim()).toBeUndefined();
      await other.settle(next, COMPLETE, false);
      expect(await broker.size()).toBe(0);
      expect(await stateOf('k')).toBe('completed');
    });

    it('of a running one may be for later', async () => {
      const held = (await bring('k', 'running')) as Claim;
      const when = inAnHour();
      await broker.replace(keyed('k', 'new', { when, priority: 4 }));
      await broker.settle(held, COMPLETE, false);
      await isReplaced('k');
      expect(await record('k')).toMatchObject({ state: 'scheduled', when, priority: 4 });
      expect(await broker.claim()).toBeUndefined();
    });

    const AT_ONCE: Readonly<Record<string, () => Settlement>> = {
      complete: SETTLEMENTS.complete,
      retry: () => ({ ...SETTLEMENTS.retry(), at: Date.now() }),
      reschedule: () => ({ ...SETTLEMENTS.reschedule(), at: Date.now() }),
      release: SETTLEMENTS.release,
    };

    it.each(Object.entries(AT_ONCE))('comes before a next run of the old one: %s', async (_name, settlement) => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.replace(keyed('k', 'new'));
      const next =
        (await broker.settle(held, settlement(), true)) ?? (await until(() => broker.claim(), 'the new one'));
      expect(argsOf(next)).toBe('new');
      expect(await other.claim()).toBeUndefined();
    });

    it('leaves no moment at which the queue looks empty', async () => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.replace(keyed('k', 'new'));
      await broker.settle(held, COMPLETE, false);
      expect(await broker.size()).toBe(1);
      expect(await other.size()).toBe(1);
    });

    it('follows a run that was asked to stop before', async () => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.cancel('k', 'not this one');
      await broker.replace(keyed('k', 'new'));
      await broker.settle(held, { type: 'cancel', reason: 'not this one' }, false);
      const next = await until(() => broker.claim(), 'the new one');
      expect([argsOf(next), next.cancellation]).toEqual(['new', undefined]);
    });

    it('survives the crash of the old one, and never runs beside it', async () => {
      use({ lease: SHORT_LEASE });
      const held = (await bring('k', 'running')) as Claim;
      await other.replace(keyed('k', 'new'));
      await crash();
      await expect(broker.settle(held, COMPLETE, false)).rejects.toThrow(LeaseLostError);
      const ran: unknown[] = [];
      for (let next = await other.claim(); next !== undefined; next = await other.claim()) {
        ran.push(argsOf(next));
        expect(await broker.claim()).toBeUndefined();
        await other.settle(next, COMPLETE, false);
      }
      expect([['new'], ['old', 'new']]).toContainEqual(ran);
      expect(await broker.size()).toBe(0);
    });
  });

  describe('cancel', () => {
    it.each(['scheduled', 'queued', 'retrying', 'parked'] as const)('ends a %s one', async (state) => {
      await bring('k', state);
      const reason = 'NUL \0, surrogate \ud800, newline \n';
      expect(await other.cancel('k', reason)).toBe('cancelled');
      const { endedAt, ...rest } = await record('k');
      expect(rest).toMatchObject({ key: 'k', state: 'cancelled', reason, args: '["old"]' });
      expect(endedAt).toBeGreaterThan(0);
      expect(await broker.claim()).toBeUndefined();
      expect(await broker.wake('k')).toBe(false);
      expect(await broker.size()).toBe(0);
      expect(await broker.cancel('k', 'again')).toBe('not-found');
      expect((await record('k')).reason).toBe(reason);
    });

    it('tells everybody of a running one, and leaves its end to the worker', async () => {
      const heard: Signal[] = [];
      await broker.subscribe((signal) => heard.push(signal));
      const held = (await bring('k', 'running')) as Claim;
      expect(await other.cancel('k', 'enough')).toBe('signalled');
      await until(() => heard.some(({ type }) => type === 'cancel'), 'the signal');
      expect(heard.filter(({ type }) => type === 'cancel')).toEqual([
        { type: 'cancel', id: held.id, reason: 'enough' },
      ]);
      expect(await record('k')).toMatchObject({ state: 'running' });
      await broker.settle(held, { type: 'cancel', reason: 'enough' }, false);
      expect(await record('k')).toMatchObject({ state: 'cancelled', reason: 'enough' });
    });

    it('is told by renew() when the signal was lost', async () => {
      await broker.add([job(1), keyed('k', 2), job(3)]);
      const claims = [await claim(), await claim(), await claim()];
      expect(await other.cancel('k', 'enough')).toBe('signalled');
      const { lost, cancelled } = await broker.renew(claims);
      expect(lost).toEqual([]);
      expect([...cancelled]).toEqual([[claims[1], 'enough']]);
    });

    it('of a running one does not keep it from completing', async () => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.cancel('k', 'too late');
      await broker.settle(held, { type: 'complete', result: '["done"]' }, false);
      expect(await record('k')).toMatchObject({ state: 'completed', result: '["done"]' });
    });

    it.each(['retry', 'reschedule', 'release'] as const)('beats a %s', async (name) => {
      const held = (await bring('k', 'running')) as Claim;
      expect(await other.cancel('k', 'enough')).toBe('signalled');
      const settlement = { ...SETTLEMENTS[name](), ...(name !== 'release' && { at: Date.now() }) };
      await broker.settle(held, settlement as Settlement, false);
      const next = await broker.claim();
      // Either it has ended, or who starts it next is told.
      if (next === undefined) expect(await record('k')).toMatchObject({ state: 'cancelled', reason: 'enough' });
      else expect(next.cancellation).toBe('enough');
    });

    it('drops the replacement of a running one, too', async () => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.replace(keyed('k', 'new'));
      expect(await other.cancel('k', 'enough')).toBe('signalled');
      await broker.settle(held, { type: 'cancel', reason: 'enough' }, false);
      expect(await broker.claim()).toBeUndefined();
      expect(await record('k')).toMatchObject({ state: 'cancelled', args: '["old"]' });
      expect(await broker.size()).toBe(0);
    });

    it('finds nothing where it has ended, and where it never was', async () => {
      await broker.settle((await bring('k', 'running')) as Claim, COMPLETE, false);
      const before = await record('k');
      expect(await broker.cancel('k', 'too late')).toBe('not-found');
      expect(await record('k')).toEqual(before);
      expect(await broker.cancel('nobody', 'why not')).toBe('not-found');
      expect(await broker.get('nobody')).toBeUndefined();
    });

    it('reaches the next worker when the first has died', async () => {
      use({ lease: SHORT_LEASE });
      await bring('k', 'running');
      expect(await other.cancel('k', 'enough')).toBe('signalled');
      await crash();
      const next = await other.claim();
      if (next === undefined) expect(await stateOf('k')).toBe('cancelled');
      else expect(next).toMatchObject({ cancellation: 'enough', crashes: 1 });
    });

    it('reaches what waits for another worker because the first has died', async () => {
      use({ lease: SHORT_LEASE });
      await bring('k', 'running');
      await crash();
      expect(await other.cancel('k', 'enough')).toBe('cancelled');
      expect(await other.claim()).toBeUndefined();
    });

    it('is forgotten when the key is used anew', async () => {
      use({ lease: SHORT_LEASE });
      await bring('k', 'running');
      await broker.cancel('k', 'enough');
      await crash();
      await other.replace(keyed('k', 'new'));
      const next = await claim(other);
      expect([argsOf(next), next.cancellation, next.crashes]).toEqual(['new', undefined, 0]);
    });
  });

  describe('clear', () => {
    it('cancels all that does not run, and frees the keys at once', async () => {
      const running = (await bring('running', 'running')) as Claim;
      for (const state of ['parked', 'retrying', 'scheduled', 'queued'] as const) await bring(state, state);
      await broker.add([job(1), job(2, { priority: 9 })]);
      expect(await other.clear('all must go')).toBe(6);
      expect(await broker.list(10)).toEqual({
        counts: { scheduled: 0, queued: 0, parked: 0, running: 1, retrying: 0 },
        records: [expect.objectContaining({ key: 'running' })],
      });
      for (const key of ['parked', 'retrying', 'scheduled', 'queued']) {
        expect(await record(key)).toMatchObject({ state: 'cancelled', reason: 'all must go' });
        expect(await broker.add([keyed(key, key)])).toEqual([{ key, isNew: true }]);
      }
      expect(await runAll()).toEqual(['parked', 'retrying', 'scheduled', 'queued']);
      await broker.settle(running, COMPLETE, false);
      expect(await stateOf('running')).toBe('completed');
    });

    it('takes away what was to follow a running one', async () => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.replace(keyed('k', 'new'));
      await other.clear('all must go');
      await broker.settle(held, COMPLETE, false);
      expect(await broker.claim()).toBeUndefined();
      expect(await record('k')).toMatchObject({ state: 'completed', args: '["old"]' });
    });

    it('finds nothing in an empty queue', async () => {
      expect(await broker.clear('all must go')).toBe(0);
    });

    it('clears thousands', async () => {
      await broker.add(
        Array.from({ length: 2_500 }, (_, index) => job(index, index % 2 === 0 ? {} : { when: inAnHour() })),
      );
      expect(await broker.size()).toBe(2_500);
      expect(await broker.clear('all must go')).toBe(2_500);
      expect(await broker.size()).toBe(0);
      expect(await broker.claim()).toBeUndefined();
    });
  });

  describe('settle', () => {
    it('keeps the result', async () => {
      const held = (await bring('k', 'running')) as Claim;
      const result = JSON.stringify(['NUL \0, surrogate \ud800, 😀']);
      const before = Date.now();
      await broker.settle(held, { type: 'complete', result }, false);
      const found = await other.get('k');
      expect(found).toMatchObject({ state: 'completed', result, args: '["old"]', attempt: 1, starts: 1 });
      expect(found?.endedAt).toBeGreaterThanOrEqual(before);
      expect(found?.endedAt).toBeLessThanOrEqual(Date.now());
      expect(await broker.size()).toBe(0);
    });

    const ERROR = {
      name: 'PaymentError',
      message: 'NUL \0, surrogate \ud800, newline \n',
      code: 'E_PAY',
      stack: 'PaymentError: bad\n    at pay (pay.ts:1:1)',
      cause: { name: 'Error', message: 'declined' },
    };

    it('keeps the error', async () => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.settle(held, { type: 'fail', error: ERROR }, false);
      expect(await other.get('k')).toMatchObject({ state: 'failed', error: ERROR });
      expect((await other.get('k'))?.endedAt).toBeGreaterThan(0);
    });

    it('forgets why earlier attempts failed, and were handed back, when one completes', async () => {
      const first = (await bring('k', 'running')) as Claim;
      await broker.settle(first, { type: 'retry', at: Date.now(), error: ERROR }, false);
      await broker.settle(await claim(), SETTLEMENTS.release(), false);
      await broker.settle(await claim(), COMPLETE, false);
      const { error, reason, state } = await record('k');
      expect([state, error, reason]).toEqual(['completed', undefined, undefined]);
    });

    it.each([
      ['cancel', 'cancelled'],
      ['drop', 'dropped'],
    ] as const)('keeps the reason of %s', async (type, state) => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.settle(held, { type, reason: 'NUL \0, surrogate \ud800' }, false);
      expect(await other.get('k')).toMatchObject({ state, reason: 'NUL \0, surrogate \ud800' });
    });

    it('with a retry lets the next attempt begin at its time', async () => {
      const held = (await bring('k', 'running')) as Claim;
      const at = Date.now() + 100;
      await broker.settle(held, { type: 'retry', at, error: ERROR }, false);
      expect(await record('k')).toMatchObject({ state: 'retrying', when: at, attempt: 2, starts: 1, error: ERROR });
      expect(await broker.claim()).toBeUndefined();
      const next = await until(() => other.claim(), 'the next attempt');
      expect(Date.now()).toBeGreaterThanOrEqual(at);
      expect(next).toMatchObject({ id: held.id, crashes: 0, record: { attempt: 2, starts: 2, args: '["old"]' } });
      await other.settle(next, COMPLETE, false);
      expect(await record('k')).toMatchObject({ state: 'completed', attempt: 2, starts: 2 });
    });

    it('with a retry at once lets it begin at once', async () => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.settle(held, { type: 'retry', at: Date.now() - 1, error: ERROR }, false);
      expect(await record('k')).toMatchObject({ state: 'queued', attempt: 2 });
      expect((await claim()).record.attempt).toBe(2);
    });

    it('with a reschedule begins a new run of the same execution', async () => {
      const first = (await bring('k', 'running')) as Claim;
      await broker.settle(first, { type: 'retry', at: Date.now(), error: ERROR }, false);
      const second = await claim();
      const at = inAnHour();
      await broker.settle(second, { type: 'reschedule', at, args: '["again"]' }, false);
      expect(await record('k')).toMatchObject({
        state: 'scheduled',
        when: at,
        attempt: 1,
        starts: 2,
        args: '["again"]',
      });
      expect(await broker.claim()).toBeUndefined();
      expect(await broker.add([keyed('k')])).toEqual([{ key: 'k', isNew: false }]);
    });

    it('with a reschedule at once lets it begin at once', async () => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.settle(held, { type: 'reschedule', at: Date.now(), args: '["again"]' }, false);
      const next = await claim();
      expect(next).toMatchObject({ crashes: 0, record: { key: 'k', attempt: 1, starts: 2, args: '["again"]' } });
    });

    it('with a release loses no attempt', async () => {
      const first = (await bring('k', 'running')) as Claim;
      await broker.settle(first, { type: 'retry', at: Date.now(), error: ERROR }, false);
      await broker.settle(await claim(), SETTLEMENTS.release(), false);
      expect(await record('k')).toMatchObject({ state: 'queued', attempt: 2, starts: 2, reason: 'shutdown' });
      const next = await claim(other);
      expect(next).toMatchObject({ crashes: 0, record: { attempt: 2, starts: 3, args: '["old"]' } });
    });

    it('with a release may put it off', async () => {
      const held = (await bring('k', 'running')) as Claim;
      const at = Date.now() + 100;
      await broker.settle(held, { type: 'release', at, reason: 'unknown' }, false);
      expect(await record('k')).toMatchObject({
        state: 'scheduled',
        when: at,
        attempt: 1,
        starts: 1,
        reason: 'unknown',
      });
      expect(await broker.claim()).toBeUndefined();
      const next = await until(() => other.claim(), 'it to be due again');
      expect(Date.now()).toBeGreaterThanOrEqual(at);
      expect(next.record).toMatchObject({ attempt: 1, starts: 2 });
    });

    it('with a park keeps it until it is woken', async () => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.settle(held, { type: 'park', reason: 'blocked' }, false);
      expect(await record('k')).toMatchObject({ state: 'parked', reason: 'blocked', attempt: 1, starts: 0 });
      await other.recover();
      expect(await broker.claim()).toBeUndefined();
      expect(await other.wake('k')).toBe(true);
      expect(await stateOf('k')).toBe('queued');
      expect(await other.wake('k')).toBe(false);
      const next = await claim();
      expect(next).toMatchObject({ id: held.id, crashes: 0, record: { attempt: 1, starts: 1 } });
      expect(await broker.claim()).toBeUndefined();
    });

    it('is cancelled or started, never both', async () => {
      for (let round = 0; round < 10; round += 1) {
        const keys = Array.from({ length: 12 }, (_, at) => `c${round}-${at}`);
        await broker.add(keys.map((key) => keyed(key, key)));
        const claims = keys.map(() => broker.claim());
        const cancelled = await Promise.all(
          keys.map((key, at) => (at % 2 === 0 ? broker : other).cancel(key, 'enough')),
        );
        const started = (await Promise.all(claims)).filter((each) => each !== undefined);
        const running = new Set(started.map(({ record: { key } }) => key));
        expect(keys.map((key) => (running.has(key) ? 'signalled' : 'cancelled'))).toEqual(cancelled);
        for (const each of started) await broker.settle(each, { type: 'cancel', reason: 'enough' }, false);
      }
    });

    it('is woken once, however many wake it while it is started', async () => {
      for (let round = 0; round < 20; round += 1) {
        const key = `k${round}`;
        await broker.settle((await bring(key, 'running')) as Claim, { type: 'park', reason: 'blocked' }, false);
        const claims = Array.from({ length: 8 }, () => broker.claim());
        const woken = await Promise.all(
          Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? broker : other).wake(key)),
        );
        expect(woken.filter(Boolean)).toHaveLength(1);
        const started = (await Promise.all([...claims, broker.claim()])).filter((each) => each !== undefined);
        expect(started).toHaveLength(1);
        await broker.settle(started[0] as Claim, COMPLETE, false);
      }
    });

    it.each(['scheduled', 'queued', 'running', 'retrying'] as const)(
      'leaves wake() nothing to do: %s',
      async (state) => {
        await bring('k', state);
        const before = await record('k');
        expect(await broker.wake('k')).toBe(false);
        expect(await record('k')).toEqual(before);
        expect(await broker.wake('nobody')).toBe(false);
      },
    );

    it('keeps the priority of what goes on', async () => {
      await broker.add([keyed('low', 'low', { priority: 9 }), job('lower', { priority: 10 })]);
      await broker.settle(await claim(), { type: 'retry', at: Date.now(), error: ERROR }, false);
      await broker.settle(await claim(), { type: 'release', reason: 'shutdown' }, false);
      await broker.settle(await claim(), { type: 'reschedule', at: Date.now(), args: '["low"]' }, false);
      await broker.settle(await claim(), { type: 'park', reason: 'blocked' }, false);
      await broker.wake('low');
      await add(job('high', { priority: 8 }));
      expect(await runAll()).toEqual(['high', 'low', 'lower']);
    });

    it.each(SETTLEMENT_NAMES)('with %s starts the next where it is asked to', async (name) => {
      await broker.add([keyed('first', 'first'), job('second', { priority: 1 })]);
      await add(job('third', { priority: 2 }));
      const held = await claim();
      const next = await broker.settle(held, SETTLEMENTS[name](), true);
      // What goes back to the queue at once is the next itself.
      expect(next && argsOf(next)).toBe(name === 'release' ? 'first' : 'second');
      expect(next?.record).toMatchObject({ state: 'running', starts: name === 'release' ? 2 : 1 });
      expect(await stateOf(next?.record.key ?? '')).toBe('running');
    });

    it('starts nothing where it is not asked to, and where there is nothing', async () => {
      await broker.add([job('first'), keyed('k')]);
      const held = await claim();
      expect(await broker.settle(held, COMPLETE, false)).toBeUndefined();
      expect(await stateOf('k')).toBe('queued');
      expect(await broker.settle(await claim(), COMPLETE, true)).toBeUndefined();
    });

    it.each(SETTLEMENT_NAMES)('with %s ends the lease', async (name) => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.settle(held, SETTLEMENTS[name](), false);
      const before = await record('k');
      await expect(broker.settle(held, COMPLETE, true)).rejects.toThrow(LeaseLostError);
      expect((await broker.renew([held])).lost).toEqual([held]);
      expect(await record('k')).toEqual(before);
    });
  });

  describe('leases', () => {
    beforeEach(() => use({ lease: SHORT_LEASE }));

    it('last while they are renewed', async () => {
      await broker.add([keyed('a'), keyed('b')]);
      const claims = [await claim(), await claim()];
      let crashed = 0;
      await during(3 * SHORT_LEASE, async () => {
        expect(await broker.renew(claims)).toEqual({ lost: [], cancelled: new Map() });
        crashed += (await other.recover()).crashed;
        expect(await other.claim()).toBeUndefined();
      });
      expect(crashed).toBe(0);
      for (const held of claims) await broker.settle(held, COMPLETE, false);
      expect([await record('a'), await record('b')]).toMatchObject([
        { state: 'completed', starts: 1 },
        { state: 'completed', starts: 1 },
      ]);
    });

    it('that have expired leave the execution to another worker, within two leases', async () => {
      const start = performance.now();
      const held = (await bring('k', 'running')) as Claim;
      const next = await until(async () => {
        await other.recover();
        return other.claim();
      }, 'the lease to expire');
      const elapsed = performance.now() - start;
      expect(elapsed).toBeGreaterThan(SHORT_LEASE - 50);
      expect(elapsed).toBeLessThan(2 * SHORT_LEASE + 1_000);
      expect(next).toMatchObject({
        id: held.id,
        crashes: 1,
        record: { key: 'k', attempt: 1, starts: 2, args: '["old"]' },
      });
      expect(next.token).not.toBe(held.token);
      expect(await broker.claim()).toBeUndefined();
    });

    it('that have expired are counted once, however many look', async () => {
      await broker.add([job(1), job(2), job(3)]);
      for (let count = 0; count < 3; count += 1) await claim();
      await add(job('held', { priority: 1 }));
      let crashed = 0;
      await until(async () => {
        const results = await Promise.all([broker.recover(), other.recover(), other.recover()]);
        for (const result of results) crashed += result.crashed;
        return crashed >= 3;
      }, 'three leases to expire');
      expect(crashed).toBe(3);
      expect(await other.recover()).toEqual({ crashed: 0 });
      expect((await runAll()).toSorted()).toEqual([1, 2, 3, 'held']);
    });

    it('that have expired count as crashes of the run, until it is settled', async () => {
      await bring('k', 'running');
      await crash();
      expect((await claim()).crashes).toBe(1);
      await crash();
      const third = await claim();
      expect(third).toMatchObject({ crashes: 2, record: { attempt: 1, starts: 3 } });
      await broker.settle(third, { type: 'retry', at: Date.now(), error: { name: 'Error', message: 'bad' } }, false);
      const fourth = await claim();
      expect(fourth).toMatchObject({ crashes: 0, record: { attempt: 2, starts: 4 } });
      await crash();
      const fifth = await claim();
      expect(fifth).toMatchObject({ crashes: 1, record: { attempt: 2 } });
      await broker.settle(fifth, { type: 'reschedule', at: Date.now(), args: '[]' }, false);
      expect(await claim()).toMatchObject({ crashes: 0, record: { attempt: 1 } });
    });

    it('do not expire while nothing runs', async () => {
      await bring('parked', 'parked');
      await bring('retrying', 'retrying');
      await bring('scheduled', 'scheduled');
      await bring('queued', 'queued');
      await during(2 * SHORT_LEASE, async () => expect(await other.recover()).toEqual({ crashed: 0 }));
      const { counts } = await broker.list(10);
      expect(counts).toEqual({ scheduled: 1, queued: 1, parked: 1, running: 0, retrying: 1 });
    });

    it('that are lost are told by renew(), and not taken back', async () => {
      await broker.add([keyed('k'), keyed('held', null, { priority: 1 })]);
      const zombie = await claim();
      await crash();
      const [next, held] = [await claim(other), await claim(broker)];
      const renewal = await broker.renew([zombie, held]);
      expect(renewal.lost).toEqual([zombie]);
      await other.settle(next, COMPLETE, false);
      await broker.settle(held, COMPLETE, false);
      expect(await record('k')).toMatchObject({ state: 'completed', starts: 2 });
    });

    it('that are lost cannot be settled, even before another worker has the execution', async () => {
      const zombie = (await bring('k', 'running')) as Claim;
      await crash();
      const before = await record('k');
      await expect(broker.settle(zombie, COMPLETE, true)).rejects.toThrow(LeaseLostError);
      expect((await broker.renew([zombie])).lost).toEqual([zombie]);
      expect(await record('k')).toEqual(before);
      expect(before.state).toBe('queued');
    });

    it('that are lost leave a zombie no way to settle', async () => {
      await broker.add(SETTLEMENT_NAMES.map((name) => keyed(name, name)));
      const zombies: Claim[] = [];
      while (zombies.length < SETTLEMENT_NAMES.length) zombies.push(await claim());
      await crash(SETTLEMENT_NAMES.length);
      const claims: Claim[] = [];
      while (claims.length < SETTLEMENT_NAMES.length) claims.push(await claim(other));
      const before = await broker.list(100);
      for (const zombie of zombies) {
        const settlement = SETTLEMENTS[argsOf(zombie) as SettlementName]();
        await expect(broker.settle(zombie, settlement, true)).rejects.toThrow(LeaseLostError);
        await other.renew(claims); // all this may take longer than a lease
      }
      const after = await broker.list(100);
      expect(after.counts).toEqual({ scheduled: 0, queued: 0, parked: 0, running: claims.length, retrying: 0 });
      expect(new Set(after.records)).toEqual(new Set(before.records));
      for (const held of claims) await other.settle(held, COMPLETE, false);
      expect(await broker.size()).toBe(0);
    });

    it('that are lost do not come back when the key is used anew', async () => {
      const zombie = (await bring('k', 'running')) as Claim;
      await crash();
      await other.settle(await claim(other), COMPLETE, false);
      await add(keyed('k', 'new'));
      const held = await claim(other);
      await expect(broker.settle(zombie, SETTLEMENTS.fail(), false)).rejects.toThrow(LeaseLostError);
      expect((await broker.renew([zombie])).lost).toEqual([zombie]);
      expect(await record('k')).toMatchObject({ state: 'running', args: '["new"]' });
      await other.settle(held, COMPLETE, false);
      expect(await stateOf('k')).toBe('completed');
    });

    it('are renewed where there are none', async () => {
      expect(await broker.renew([])).toEqual({ lost: [], cancelled: new Map() });
    });
  });

  describe('retention', () => {
    const RETENTION = 400;
    beforeEach(() => use({ retention: RETENTION }));

    async function gone(key: string): Promise<void> {
      await until(async () => {
        await other.recover();
        return (await broker.get(key)) === undefined;
      }, `execution ${key} to be forgotten`);
    }

    it.each(['complete', 'fail', 'cancel', 'drop'] as const)('ends for what was settled with %s', async (name) => {
      const held = (await bring('k', 'running')) as Claim;
      await broker.settle(held, SETTLEMENTS[name](), false);
      expect((await record('k')).endedAt).toBeGreaterThan(0);
      await gone('k');
      expect(await broker.add([keyed('k')])).toEqual([{ key: 'k', isNew: true }]);
    });

    it('ends for what was cancelled or cleared before it ran', async () => {
      await bring('a', 'scheduled');
      await bring('b', 'queued');
      await broker.cancel('a', 'not wanted');
      await broker.clear('all must go');
      expect([await stateOf('a'), await stateOf('b')]).toEqual(['cancelled', 'cancelled']);
      await gone('a');
      await gone('b');
    });

    it('of an earlier execution does not take a later one with it', async () => {
      for (const key of ['k', 'twin', 'replaced']) {
        await add(keyed(key));
        await broker.settle(await claim(), COMPLETE, false);
      }
      await add(keyed('k', 'new', { when: inAnHour() }));
      await broker.replace(keyed('replaced', 'new', { when: inAnHour() }));
      await gone('twin');
      await during(RETENTION, () => other.recover());
      expect(await record('k')).toMatchObject({ state: 'scheduled', args: '["new"]' });
      expect(await record('replaced')).toMatchObject({ state: 'scheduled', args: '["new"]' });
      expect(await broker.add([keyed('k')])).toEqual([{ key: 'k', isNew: false }]);
      expect(await broker.size()).toBe(2);
    });

    it('does not end for what has not ended', async () => {
      const states = ['parked', 'retrying', 'scheduled', 'queued'] as const;
      for (const state of states) await bring(state, state);
      await during(2 * RETENTION, () => other.recover());
      for (const state of states) expect(await record(state)).toMatchObject({ state });
    });

    it('may be none', async () => {
      use({ retention: 0 });
      await broker.settle((await bring('k', 'running')) as Claim, COMPLETE, false);
      expect(await broker.get('k')).toBeUndefined();
      expect(await broker.add([keyed('k')])).toEqual([{ key: 'k', isNew: true }]);
    });
  });

  describe('list', () => {
    it('counts what has not ended, and lists it', async () => {
      await bring('parked', 'parked');
      await bring('retrying', 'retrying');
      await bring('running', 'running');
      await broker.settle((await bring('completed', 'running')) as Claim, COMPLETE, false);
      await bring('scheduled', 'scheduled');
      await bring('queued', 'queued');
      await add(keyed('queued, but last', 'old', { priority: 3 }));
      const { counts, records } = await other.list(100);
      expect(counts).toEqual({ scheduled: 1, queued: 2, parked: 1, running: 1, retrying: 1 });
      expect(Object.fromEntries(records.map(({ key, state }) => [key, state]))).toEqual({
        parked: 'parked',
        retrying: 'retrying',
        running: 'running',
        scheduled: 'scheduled',
        queued: 'queued',
        'queued, but last': 'queued',
      });
      for (const one of records) expect(one).toEqual(await record(one.key));
    });

    it('counts what was handed back, and what has come due, as queued', async () => {
      await broker.settle((await bring('released', 'running')) as Claim, SETTLEMENTS.release(), false);
      await add(keyed('due', null, { when: Date.now() + 20 }));
      await until(async () => (await stateOf('due')) === 'queued', 'it to be due');
      const { counts, records } = await other.list(10);
      expect(records.map(({ state }) => state)).toEqual(['queued', 'queued']);
      expect(counts).toEqual({ scheduled: 0, queued: 2, parked: 0, running: 0, retrying: 0 });
    });

    it('counts all, however few are listed', async () => {
      await bring('parked', 'parked');
      await bring('retrying', 'retrying');
      await bring('scheduled', 'scheduled');
      expect(await other.size()).toBe(3);
      const { counts } = await other.list(0);
      expect(counts).toEqual({ scheduled: 1, queued: 0, parked: 1, running: 0, retrying: 1 });
    });

    it('lists as many as it is asked to', async () => {
      await broker.add(
        Array.from({ length: 9 }, (_, index) => job(index, { when: index % 2 === 0 ? inAnHour() : undefined })),
      );
      for (const limit of [0, 1, 5, 9]) {
        const { counts, records } = await broker.list(limit);
        expect([records.length, counts.queued + counts.scheduled]).toEqual([limit, 9]);
        expect(new Set(records.map(({ key }) => key)).size).toBe(limit);
      }
    });

    it('is empty in an empty queue', async () => {
      expect(await broker.list(10)).toEqual({
        counts: { scheduled: 0, queued: 0, parked: 0, running: 0, retrying: 0 },
        records: [],
      });
    });
  });

  describe('workers', () => {
    function info(id: string, overrides: Partial<WorkerInfo> = {}): WorkerInfo {
      return {
        id,
        host: 'host-1',
        pid: 42,
        concurrency: 10,
        running: 3,
        tasks: ['orders.process', 'a:b', 'Zoë'],
        startedAt: Date.now() - 1_000,
        seenAt: Date.now(),
        ...overrides,
      };
    }

    it('are those that were announced and have not left', async () => {
      expect(await broker.workers()).toEqual([]);
      const [one, two] = [info('w-1'), info('w-2', { running: 0, tasks: [] })];
      await broker.announce(one);
      await other.announce(two);
      expect((await broker.workers()).toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([one, two]);
      const later = info('w-1', { running: 7 });
      await broker.announce(later);
      await other.leave('w-2');
      expect(await other.workers()).toEqual([later]);
      await broker.leave('w-1');
      await broker.leave('w-1');
      expect(await other.workers()).toEqual([]);
    });

    it('are forgotten when they give no sign of life for two leases', async () => {
      use({ lease: SHORT_LEASE });
      await broker.announce(info('w-1'));
      await during(1.5 * SHORT_LEASE, async () => {
        await other.announce(info('w-2'));
        expect((await broker.workers()).map(({ id }) => id)).toContain('w-1');
      });
      await until(async () => {
        await other.announce(info('w-2'));
        return !(await broker.workers()).some(({ id }) => id === 'w-1');
      }, 'w-1 to be forgotten');
      expect((await broker.workers()).map(({ id }) => id)).toEqual(['w-2']);
    });
  });

  describe('signals', () => {
    const watch = (key: string): Signal => ({ type: 'watch', key });

    it('reach all who have subscribed, the sender too', async () => {
      const [here, there]: [Signal[], Signal[]] = [[], []];
      await broker.subscribe((signal) => here.push(signal));
      await other.subscribe((signal) => there.push(signal));
      const signals: Signal[] = [
        watch('a:b'),
        { type: 'changed', key: 'NUL \0, surrogate \ud800' },
        { type: 'cancel', id: '7', reason: 'line\nbreak' },
      ];
      for (const signal of signals) await broker.publish(signal);
      await until(() => here.length >= 3 && there.length >= 3, 'the signals');
      expect([here, there]).toEqual([signals, signals]);
    });

    it('do not reach who has ended the subscription', async () => {
      const [ended, going]: [Signal[], Signal[]] = [[], []];
      const end = await broker.subscribe((signal) => ended.push(signal));
      await broker.subscribe((signal) => going.push(signal));
      await other.publish(watch('before'));
      await until(() => ended.length === 1 && going.length === 1, 'the first signal');
      end();
      await other.publish(watch('after'));
      await until(() => going.length === 2, 'the second signal');
      expect(ended).toEqual([watch('before')]);
    });

    it('stay in their queue', async () => {
      const [here, elsewhere]: [Signal[], Signal[]] = [[], []];
      const stranger = space.open(space.newQueue());
      opened.push(stranger);
      await broker.subscribe((signal) => here.push(signal));
      await stranger.subscribe((signal) => elsewhere.push(signal));
      await stranger.publish(watch('elsewhere'));
      await other.publish(watch('here'));
      await until(() => here.length >= 1 && elsewhere.length >= 1, 'the signals');
      expect([here, elsewhere]).toEqual([[watch('here')], [watch('elsewhere')]]);
    });

    it('tell of an execution that was cancelled while it waited', async () => {
      const heard: Signal[] = [];
      await broker.subscribe((signal) => heard.push(signal));
      await bring('k', 'scheduled');
      await other.cancel('k', 'not wanted');
      await until(() => heard.length > 0, 'the signal');
      expect(heard).toContainEqual({ type: 'changed', key: 'k' });
    });
  });

  describe('queues', () => {
    it('have nothing in common but the broker', async () => {
      const stranger = space.open(space.newQueue());
      opened.push(stranger);
      await bring('k', 'queued');
      expect(await stranger.get('k')).toBeUndefined();
      expect(await stranger.claim()).toBeUndefined();
      expect(await stranger.add([keyed('k', 'theirs')])).toEqual([{ key: 'k', isNew: true }]);
      expect(await stranger.clear('all must go')).toBe(1);
      expect(await runAll()).toEqual(['old']);
    });
  });

  describe('connection', () => {
    it('is made by connect(), again and again', async () => {
      await broker.connect();
      await Promise.all([broker.connect(), broker.connect()]);
      expect(await broker.size()).toBe(0);
    });

    it('is made by whatever is called first, by all at the same time', async () => {
      const fresh = open();
      const [added, found, , workers] = await Promise.all([
        fresh.add([keyed('k')]),
        fresh.get('nobody'),
        fresh.recover(),
        fresh.workers(),
      ]);
      expect([added, found, workers]).toEqual([[{ key: 'k', isNew: true }], undefined, []]);
    });

    it('is let go of once, whether it was made or not', async () => {
      await broker.connect();
      const unused = open();
      const closings = [broker.close(), broker.close(), unused.close(), unused.close()];
      expect(await Promise.all(closings)).toEqual([undefined, undefined, undefined, undefined]);
    });

    it('is let go of while somebody waits for work, who waits no longer', async () => {
      await broker.connect();
      const waiting = broker.waitForWork(new AbortController().signal);
      await during(50, () => {});
      await broker.close();
      const [end] = await Promise.allSettled([waiting]);
      expect(end.status).toBe('fulfilled');
    });

    it('has a name, and says whether it is shared', () => {
      expect(broker.label).toMatch(/\w/);
      expect(broker.isShared).toBe(kind.isShared);
    });
  });
});

/** Where nobody listens. A loop, since `describe.each` takes no empty table. */
const NOBODY_HOME: Readonly<Partial<Record<BrokerLabel, string>>> = {
  redis: 'redis://user:secret@127.0.0.1:1',
  postgres: 'postgres://user:secret@127.0.0.1:1/test',
};

for (const { label } of SHARED_BROKERS) {
  describe(`the broker: ${label}, when it cannot be reached`, () => {
    let broker: Broker;
    beforeEach(() => {
      broker = createBroker(resolveQueueOptions({ url: NOBODY_HOME[label] }), systemClock, 'w-1');
    });
    afterEach(() => broker.close());

    it('says so soon in every call, and keeps the password to itself', async () => {
      const calls: Partial<Record<keyof Broker, Promise<unknown>>> = {
        connect: broker.connect(),
        add: broker.add([job()]),
        replace: broker.replace(keyed('k')),
        cancel: broker.cancel('k', 'why not'),
        get: broker.get('k'),
        list: broker.list(1),
        clear: broker.clear('why not'),
        claim: broker.claim(),
        recover: broker.recover(),
        wake: broker.wake('k'),
        workers: broker.workers(),
        publish: broker.publish({ type: 'watch', key: 'k' }),
        subscribe: broker.subscribe(() => {}),
      };
      const start = performance.now();
      const outcomes = await Promise.allSettled(Object.values(calls));
      expect(performance.now() - start).toBeLessThan(6_000);
      const reasons = outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as unknown));
      const names = Object.keys(calls);
      expect(names.filter((_name, at) => !(reasons[at] instanceof BrokerUnavailableError))).toEqual([]);
      for (const reason of reasons) expect((reason as Error).message).not.toContain('secret');
    });

    it('says so each time', async () => {
      await expect(broker.connect()).rejects.toThrow(BrokerUnavailableError);
      await expect(broker.add([job()])).rejects.toThrow(BrokerUnavailableError);
      await expect(broker.add([job()])).rejects.toThrow(BrokerUnavailableError);
    });
  });
}
