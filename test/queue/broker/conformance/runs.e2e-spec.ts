import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Claim } from '../../../../lib/queue/broker/broker.js';
import {
  HURRY,
  SHORT_LEASE,
  SETTLEMENT_NAMES,
  SETTLEMENTS,
  COMPLETE,
  argsOf,
  describeBrokers,
  inAnHour,
  job,
  keyed,
  type SettlementName,
} from './suite.js';
import { LeaseLostError } from '../../../../lib/queue/broker/queue-errors.js';
import { during, until } from '../../../support/until.js';

jest.setTimeout(60_000);

describeBrokers('runs', (suite) => {
  describe('claim', () => {
    it('gives nothing where there is nothing', async () => {
      expect(await suite.broker.runs.claim()).toBeUndefined();
    });

    it('starts a run', async () => {
      await suite.add(keyed('k', 'mine'));
      const held = await suite.claim();
      expect(held).toEqual({
        id: expect.any(String),
        token: expect.any(String),
        record: expect.objectContaining({ key: 'k', state: 'running', attempt: 1, starts: 1 }),
        crashes: 0,
      });
      expect(await suite.other.executions.get('k')).toEqual(held.record);
      expect(await suite.other.runs.claim()).toBeUndefined();
    });

    it('notes the worker, also when the run has ended', async () => {
      await suite.add(keyed('k'));
      const held = await suite.claim(suite.broker);
      expect(held.record.worker).toBe('w-1');
      await suite.broker.runs.settle(held, COMPLETE, false);
      expect((await suite.record('k')).worker).toBe('w-1');
    });

    it('goes by priority, then first in, first out', async () => {
      await suite.broker.executions.add([
        job('last', { priority: 2_097_151 }),
        job('third', { priority: 5 }),
        job('first'),
        job('fourth', { priority: 5 }),
        job('second'),
      ]);
      expect(await suite.runAll()).toEqual(['first', 'second', 'third', 'fourth', 'last']);
    });

    it('is first in, first out over many calls', async () => {
      const numbers = Array.from({ length: 30 }, (_, index) => index);
      for (const number of numbers) await (number % 3 === 0 ? suite.other : suite.broker).executions.add([job(number)]);
      expect(await suite.runAll()).toEqual(numbers);
    });

    it('goes by priority among what has come due, too', async () => {
      const now = Date.now();
      await suite.broker.executions.add([
        job('second', { when: now + 30, priority: 1 }),
        job('first', { when: now + 60 }),
      ]);
      await until(() => Date.now() > now + 60, 'both to be due');
      expect(await suite.runAll()).toEqual(['first', 'second']);
    });

    it('never gives one execution to two', async () => {
      await suite.broker.executions.add(Array.from({ length: 60 }, (_, index) => job(index)));
      const claims = await Promise.all(
        Array.from({ length: 80 }, (_, index) => (index % 2 === 0 ? suite.broker : suite.other).runs.claim()),
      );
      const numbers = claims.filter((one) => one !== undefined).map(argsOf);
      expect(numbers.toSorted((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 60 }, (_, index) => index),
      );
    });

    it('has an id for each execution that is never used again', async () => {
      const ids = new Set<string>();
      for (let round = 0; round < 3; round += 1) {
        await suite.add(keyed('k'));
        const held = await suite.claim();
        ids.add(held.id);
        await suite.broker.runs.settle(held, SETTLEMENTS.release(), false);
        const again = await suite.claim();
        expect(again.id).toBe(held.id);
        expect(again.token).not.toBe(held.token);
        await suite.broker.runs.settle(again, COMPLETE, false);
      }
      expect(ids.size).toBe(3);
    });

    it('leaves alone what is not due, and gives it when it is', async () => {
      await suite.add(keyed('far', null, { when: Date.now() + 3_600_000 }));
      expect(await suite.broker.runs.claim()).toBeUndefined();
      expect(await suite.stateOf('far')).toBe('scheduled');
      const when = Date.now() + 200;
      await suite.add(keyed('k', null, { when }));
      const { signal } = new AbortController();
      let looks = 0;
      let held: Claim | undefined;
      while (held === undefined) {
        looks += 1;
        await suite.broker.runs.waitForWork(signal);
        held = await suite.broker.runs.claim();
      }
      expect(held.record).toMatchObject({ key: 'k', when });
      expect(Date.now()).toBeGreaterThanOrEqual(when);
      expect(Date.now()).toBeLessThan(when + HURRY);
      expect(looks).toBeLessThan(20);
    });

    it('shows what has come due as queued', async () => {
      await suite.add(keyed('k', null, { when: Date.now() + 30 }));
      await until(async () => (await suite.stateOf('k')) === 'queued', 'the execution to be queued');
      expect((await suite.claim()).record.key).toBe('k');
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
        const found = await suite.broker.runs.claim();
        if (found !== undefined) return found;
        await suite.broker.runs.waitForWork(stop.signal);
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
      await suite.add(job());
      const start = performance.now();
      await suite.broker.runs.waitForWork(stop.signal);
      await suite.claim();
      stop.abort();
      await suite.broker.runs.waitForWork(stop.signal);
      expect(performance.now() - start).toBeLessThan(HURRY);
    });

    it('is over when the signal is aborted, and can be begun again', async () => {
      for (let round = 0; round < 3; round += 1) {
        const controller = new AbortController();
        const waiting = suite.broker.runs.waitForWork(controller.signal);
        await during(20, () => {});
        const start = performance.now();
        controller.abort();
        await waiting;
        expect(performance.now() - start).toBeLessThan(HURRY);
      }
      expect(argsOf(await expectSoon(() => suite.other.executions.add([job('new')])))).toBe('new');
    });

    it('hears of what is added', async () => {
      expect(argsOf(await expectSoon(() => suite.other.executions.add([job('new')])))).toBe('new');
    });

    it('hears of what is added with a low priority', async () => {
      expect(argsOf(await expectSoon(() => suite.other.executions.add([job('new', { priority: 100 })])))).toBe('new');
    });

    it('hears of what is to come sooner than all the rest', async () => {
      await suite.add(job('far', { when: inAnHour() }));
      const found = await expectSoon(() => suite.other.executions.add([job('near', { when: Date.now() + 100 })]));
      expect(argsOf(found)).toBe('near');
    });

    it('hears of what replaces what was scheduled for later', async () => {
      await suite.bring('k', 'scheduled');
      expect(argsOf(await expectSoon(() => suite.other.executions.replace(keyed('k', 'new'))))).toBe('new');
    });

    it('hears of what was woken', async () => {
      await suite.bring('k', 'parked');
      expect(argsOf(await expectSoon(() => suite.other.runs.wake('k')))).toBe('old');
    });

    it('hears of what was handed back', async () => {
      const held = (await suite.bring('k', 'running', suite.other)) as Claim;
      expect(argsOf(await expectSoon(() => suite.other.runs.settle(held, SETTLEMENTS.release(), false)))).toBe('old');
    });

    it('hears of what is to be tried again', async () => {
      const held = (await suite.bring('k', 'running', suite.other)) as Claim;
      const found = await expectSoon(() =>
        suite.other.runs.settle(
          held,
          { type: 'retry', at: Date.now() + 50, error: { name: 'Error', message: 'bad' } },
          false,
        ),
      );
      expect(found.record.attempt).toBe(2);
    });

    it('hears of the replacement of a run that has settled', async () => {
      const held = (await suite.bring('k', 'running', suite.other)) as Claim;
      await suite.broker.executions.replace(keyed('k', 'new'));
      expect(argsOf(await expectSoon(() => suite.other.runs.settle(held, COMPLETE, false)))).toBe('new');
    });

    it('serves all who wait', async () => {
      const workers = Array.from({ length: 3 }, () => work());
      await during(50, () => {});
      await suite.other.executions.add([job(1), job(2), job(3)]);
      const claims = await Promise.all(workers);
      expect(claims.map(argsOf).toSorted()).toEqual([1, 2, 3]);
    });
  });

  describe('settle', () => {
    it('keeps the result', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      const result = JSON.stringify(['NUL \0, surrogate \ud800, 😀']);
      const before = Date.now();
      await suite.broker.runs.settle(held, { type: 'complete', result }, false);
      const found = await suite.other.executions.get('k');
      expect(found).toMatchObject({ state: 'completed', result, args: '["old"]', attempt: 1, starts: 1 });
      expect(found?.endedAt).toBeGreaterThanOrEqual(before);
      expect(found?.endedAt).toBeLessThanOrEqual(Date.now());
      expect(await suite.broker.executions.size()).toBe(0);
    });

    const ERROR = {
      name: 'PaymentError',
      message: 'NUL \0, surrogate \ud800, newline \n',
      code: 'E_PAY',
      stack: 'PaymentError: bad\n    at pay (pay.ts:1:1)',
      cause: { name: 'Error', message: 'declined' },
    };

    it('keeps the error', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(held, { type: 'fail', error: ERROR }, false);
      expect(await suite.other.executions.get('k')).toMatchObject({ state: 'failed', error: ERROR });
      expect((await suite.other.executions.get('k'))?.endedAt).toBeGreaterThan(0);
    });

    it('forgets why earlier attempts failed, and were handed back, when one completes', async () => {
      const first = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(first, { type: 'retry', at: Date.now(), error: ERROR }, false);
      await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS.release(), false);
      await suite.broker.runs.settle(await suite.claim(), COMPLETE, false);
      const { error, reason, state } = await suite.record('k');
      expect([state, error, reason]).toEqual(['completed', undefined, undefined]);
    });

    it.each([
      ['cancel', 'cancelled'],
      ['drop', 'dropped'],
    ] as const)('keeps the reason of %s', async (type, state) => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(held, { type, reason: 'NUL \0, surrogate \ud800' }, false);
      expect(await suite.other.executions.get('k')).toMatchObject({ state, reason: 'NUL \0, surrogate \ud800' });
    });

    it('with a retry lets the next attempt begin at its time', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      const at = Date.now() + 1_000;
      await suite.broker.runs.settle(held, { type: 'retry', at, error: ERROR }, false);
      expect(await suite.record('k')).toMatchObject({
        state: 'retrying',
        when: at,
        attempt: 2,
        starts: 1,
        error: ERROR,
      });
      expect(await suite.broker.runs.claim()).toBeUndefined();
      const next = await until(() => suite.other.runs.claim(), 'the next attempt');
      expect(Date.now()).toBeGreaterThanOrEqual(at);
      expect(next).toMatchObject({ id: held.id, crashes: 0, record: { attempt: 2, starts: 2, args: '["old"]' } });
      await suite.other.runs.settle(next, COMPLETE, false);
      expect(await suite.record('k')).toMatchObject({ state: 'completed', attempt: 2, starts: 2 });
    });

    it('with a retry at once lets it begin at once', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(held, { type: 'retry', at: Date.now() - 1, error: ERROR }, false);
      expect(await suite.record('k')).toMatchObject({ state: 'queued', attempt: 2 });
      expect((await suite.claim()).record.attempt).toBe(2);
    });

    it('with a reschedule begins a new run of the same execution', async () => {
      const first = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(first, { type: 'retry', at: Date.now(), error: ERROR }, false);
      const second = await suite.claim();
      const at = inAnHour();
      await suite.broker.runs.settle(second, { type: 'reschedule', at, args: '["again"]' }, false);
      expect(await suite.record('k')).toMatchObject({
        state: 'scheduled',
        when: at,
        attempt: 1,
        starts: 2,
        args: '["again"]',
      });
      expect(await suite.broker.runs.claim()).toBeUndefined();
      expect(await suite.broker.executions.add([keyed('k')])).toMatchObject([{ key: 'k', isNew: false }]);
    });

    it('with a reschedule at once lets it begin at once', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(held, { type: 'reschedule', at: Date.now(), args: '["again"]' }, false);
      const next = await suite.claim();
      expect(next).toMatchObject({ crashes: 0, record: { key: 'k', attempt: 1, starts: 2, args: '["again"]' } });
    });

    it('with a release loses no attempt', async () => {
      const first = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(first, { type: 'retry', at: Date.now(), error: ERROR }, false);
      await suite.broker.runs.settle(await suite.claim(), SETTLEMENTS.release(), false);
      expect(await suite.record('k')).toMatchObject({ state: 'queued', attempt: 2, starts: 2, reason: 'shutdown' });
      const next = await suite.claim(suite.other);
      expect(next).toMatchObject({ crashes: 0, record: { attempt: 2, starts: 3, args: '["old"]' } });
    });

    it('with a release may put it off', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      const at = Date.now() + 1_000;
      await suite.broker.runs.settle(held, { type: 'release', at, reason: 'unknown' }, false);
      expect(await suite.record('k')).toMatchObject({
        state: 'scheduled',
        when: at,
        attempt: 1,
        starts: 1,
        reason: 'unknown',
      });
      expect(await suite.broker.runs.claim()).toBeUndefined();
      const next = await until(() => suite.other.runs.claim(), 'it to be due again');
      expect(Date.now()).toBeGreaterThanOrEqual(at);
      expect(next.record).toMatchObject({ attempt: 1, starts: 2 });
    });

    it('with a park keeps it until it is woken', async () => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(held, { type: 'park', reason: 'blocked' }, false);
      expect(await suite.record('k')).toMatchObject({ state: 'parked', reason: 'blocked', attempt: 1, starts: 0 });
      await suite.other.runs.recover();
      expect(await suite.broker.runs.claim()).toBeUndefined();
      expect(await suite.other.runs.wake('k')).toBe(true);
      expect(await suite.stateOf('k')).toBe('queued');
      expect(await suite.other.runs.wake('k')).toBe(false);
      const next = await suite.claim();
      expect(next).toMatchObject({ id: held.id, crashes: 0, record: { attempt: 1, starts: 1 } });
      expect(await suite.broker.runs.claim()).toBeUndefined();
    });

    it('is cancelled or started, never both', async () => {
      for (let round = 0; round < 10; round += 1) {
        const keys = Array.from({ length: 12 }, (_, at) => `c${round}-${at}`);
        await suite.broker.executions.add(keys.map((key) => keyed(key, key)));
        const claims = keys.map(() => suite.broker.runs.claim());
        const cancelled = await Promise.all(
          keys.map((key, at) => (at % 2 === 0 ? suite.broker : suite.other).executions.cancel(key, 'enough')),
        );
        const started = (await Promise.all(claims)).filter((each) => each !== undefined);
        const running = new Set(started.map(({ record: { key } }) => key));
        expect(keys.map((key) => (running.has(key) ? 'signalled' : 'cancelled'))).toEqual(cancelled);
        for (const each of started) await suite.broker.runs.settle(each, { type: 'cancel', reason: 'enough' }, false);
      }
    });

    it('is woken once, however many wake it while it is started', async () => {
      for (let round = 0; round < 20; round += 1) {
        const key = `k${round}`;
        await suite.broker.runs.settle(
          (await suite.bring(key, 'running')) as Claim,
          { type: 'park', reason: 'blocked' },
          false,
        );
        const claims = Array.from({ length: 8 }, () => suite.broker.runs.claim());
        const woken = await Promise.all(
          Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? suite.broker : suite.other).runs.wake(key)),
        );
        expect(woken.filter(Boolean)).toHaveLength(1);
        const started = (await Promise.all([...claims, suite.broker.runs.claim()])).filter(
          (each) => each !== undefined,
        );
        expect(started).toHaveLength(1);
        await suite.broker.runs.settle(started[0] as Claim, COMPLETE, false);
      }
    });

    it.each(['scheduled', 'queued', 'running', 'retrying'] as const)(
      'leaves wake() nothing to do: %s',
      async (state) => {
        await suite.bring('k', state);
        const before = await suite.record('k');
        expect(await suite.broker.runs.wake('k')).toBe(false);
        expect(await suite.record('k')).toEqual(before);
        expect(await suite.broker.runs.wake('nobody')).toBe(false);
      },
    );

    it('keeps the priority of what goes on', async () => {
      const due = Date.now() - 1_000; // by the clock of any server
      await suite.broker.executions.add([keyed('low', 'low', { priority: 9 }), job('lower', { priority: 10 })]);
      await suite.broker.runs.settle(await suite.claim(), { type: 'retry', at: due, error: ERROR }, false);
      await suite.broker.runs.settle(await suite.claim(), { type: 'release', reason: 'shutdown' }, false);
      await suite.broker.runs.settle(await suite.claim(), { type: 'reschedule', at: due, args: '["low"]' }, false);
      await suite.broker.runs.settle(await suite.claim(), { type: 'park', reason: 'blocked' }, false);
      await suite.broker.runs.wake('low');
      await suite.add(job('high', { priority: 8 }));
      expect(await suite.runAll()).toEqual(['high', 'low', 'lower']);
    });

    it.each(SETTLEMENT_NAMES)('with %s starts the next where it is asked to', async (name) => {
      await suite.broker.executions.add([keyed('first', 'first'), job('second', { priority: 1 })]);
      await suite.add(job('third', { priority: 2 }));
      const held = await suite.claim();
      const next = await suite.broker.runs.settle(held, SETTLEMENTS[name](), true);
      // What goes back to the queue at once is the next itself.
      expect(next && argsOf(next)).toBe(name === 'release' ? 'first' : 'second');
      expect(next?.record).toMatchObject({ state: 'running', starts: name === 'release' ? 2 : 1 });
      expect(await suite.stateOf(next?.record.key ?? '')).toBe('running');
    });

    it('starts nothing where it is not asked to, and where there is nothing', async () => {
      await suite.broker.executions.add([job('first'), keyed('k')]);
      const held = await suite.claim();
      expect(await suite.broker.runs.settle(held, COMPLETE, false)).toBeUndefined();
      expect(await suite.stateOf('k')).toBe('queued');
      expect(await suite.broker.runs.settle(await suite.claim(), COMPLETE, true)).toBeUndefined();
    });

    it.each(SETTLEMENT_NAMES)('with %s ends the lease', async (name) => {
      const held = (await suite.bring('k', 'running')) as Claim;
      await suite.broker.runs.settle(held, SETTLEMENTS[name](), false);
      const before = await suite.record('k');
      await expect(suite.broker.runs.settle(held, COMPLETE, true)).rejects.toThrow(LeaseLostError);
      expect((await suite.broker.runs.renew([held])).lost).toEqual([held]);
      expect(await suite.record('k')).toEqual(before);
    });
  });

  describe('leases', () => {
    beforeEach(() => suite.use({ lease: SHORT_LEASE }));

    it('last while they are renewed', async () => {
      await suite.broker.executions.add([keyed('a'), keyed('b')]);
      const claims = [await suite.claim(), await suite.claim()];
      let crashed = 0;
      await during(3 * SHORT_LEASE, async () => {
        expect(await suite.broker.runs.renew(claims)).toEqual({ lost: [], cancelled: new Map() });
        crashed += (await suite.other.runs.recover()).crashed;
        expect(await suite.other.runs.claim()).toBeUndefined();
      });
      expect(crashed).toBe(0);
      for (const held of claims) await suite.broker.runs.settle(held, COMPLETE, false);
      expect([await suite.record('a'), await suite.record('b')]).toMatchObject([
        { state: 'completed', starts: 1 },
        { state: 'completed', starts: 1 },
      ]);
    });

    it('that have expired leave the execution to another worker, within two leases', async () => {
      const start = performance.now();
      const held = (await suite.bring('k', 'running')) as Claim;
      const next = await until(async () => {
        await suite.other.runs.recover();
        return suite.other.runs.claim();
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
      expect(await suite.broker.runs.claim()).toBeUndefined();
    });

    it('that a worker has lost and lived on are no crashes, before and after others have noticed', async () => {
      let held = (await suite.bring('k', 'running')) as Claim;
      const claimAgain = async (): Promise<Claim> => {
        await suite.crash();
        return until(() => suite.broker.runs.claim(), 'the next claim');
      };
      await suite.broker.runs.excuse(held);
      held = await claimAgain();
      expect(held).toMatchObject({ crashes: 0, record: { starts: 2 } });
      const lost = held;
      held = await claimAgain();
      expect(held.crashes).toBe(1);
      await suite.broker.runs.excuse(lost);
      held = await claimAgain();
      expect(held.crashes).toBe(1); // that of a worker that has said nothing
      await suite.broker.runs.settle(held, { ...SETTLEMENTS.reschedule(), at: Date.now() }, false);
      held = await until(() => suite.broker.runs.claim(), 'the next run');
      expect(held.crashes).toBe(0);
      await claimAgain().then((next) => expect(next.crashes).toBe(1));
    });

    it('that have expired are counted once, however many look', async () => {
      await suite.broker.executions.add([job(1), job(2), job(3)]);
      for (let count = 0; count < 3; count += 1) await suite.claim();
      await suite.add(job('held', { priority: 1 }));
      let crashed = 0;
      await until(async () => {
        const results = await Promise.all([
          suite.broker.runs.recover(),
          suite.other.runs.recover(),
          suite.other.runs.recover(),
        ]);
        for (const result of results) crashed += result.crashed;
        return crashed >= 3;
      }, 'three leases to expire');
      expect(crashed).toBe(3);
      expect(await suite.other.runs.recover()).toEqual({ crashed: 0 });
      expect((await suite.runAll()).toSorted()).toEqual([1, 2, 3, 'held']);
    });

    it('that have expired count as crashes of the run, until it is settled', async () => {
      await suite.bring('k', 'running');
      await suite.crash();
      expect((await suite.claim()).crashes).toBe(1);
      await suite.crash();
      const third = await suite.claim();
      expect(third).toMatchObject({ crashes: 2, record: { attempt: 1, starts: 3 } });
      await suite.broker.runs.settle(
        third,
        { type: 'retry', at: Date.now(), error: { name: 'Error', message: 'bad' } },
        false,
      );
      const fourth = await suite.claim();
      expect(fourth).toMatchObject({ crashes: 0, record: { attempt: 2, starts: 4 } });
      await suite.crash();
      const fifth = await suite.claim();
      expect(fifth).toMatchObject({ crashes: 1, record: { attempt: 2 } });
      await suite.broker.runs.settle(fifth, { type: 'reschedule', at: Date.now(), args: '[]' }, false);
      expect(await suite.claim()).toMatchObject({ crashes: 0, record: { attempt: 1 } });
    });

    it('do not expire while nothing runs', async () => {
      await suite.bring('parked', 'parked');
      await suite.bring('retrying', 'retrying');
      await suite.bring('scheduled', 'scheduled');
      await suite.bring('queued', 'queued');
      await during(2 * SHORT_LEASE, async () => expect(await suite.other.runs.recover()).toEqual({ crashed: 0 }));
      const { counts } = await suite.broker.executions.list(10);
      expect(counts).toEqual({ scheduled: 1, queued: 1, parked: 1, running: 0, retrying: 1 });
    });

    it('that are lost are told by renew(), and not taken back', async () => {
      await suite.broker.executions.add([keyed('k'), keyed('held', null, { priority: 1 })]);
      const zombie = await suite.claim();
      await suite.crash();
      const [next, held] = [await suite.claim(suite.other), await suite.claim(suite.broker)];
      const renewal = await suite.broker.runs.renew([zombie, held]);
      expect(renewal.lost).toEqual([zombie]);
      await suite.other.runs.settle(next, COMPLETE, false);
      await suite.broker.runs.settle(held, COMPLETE, false);
      expect(await suite.record('k')).toMatchObject({ state: 'completed', starts: 2 });
    });

    it('that are lost cannot be settled, even before another worker has the execution', async () => {
      const zombie = (await suite.bring('k', 'running')) as Claim;
      await suite.crash();
      const before = await suite.record('k');
      await expect(suite.broker.runs.settle(zombie, COMPLETE, true)).rejects.toThrow(LeaseLostError);
      expect((await suite.broker.runs.renew([zombie])).lost).toEqual([zombie]);
      expect(await suite.record('k')).toEqual(before);
      expect(before.state).toBe('queued');
    });

    it('that are lost leave a zombie no way to settle', async () => {
      await suite.broker.executions.add(SETTLEMENT_NAMES.map((name) => keyed(name, name)));
      const zombies: Claim[] = [];
      while (zombies.length < SETTLEMENT_NAMES.length) zombies.push(await suite.claim());
      await suite.crash(SETTLEMENT_NAMES.length);
      const claims: Claim[] = [];
      while (claims.length < SETTLEMENT_NAMES.length) claims.push(await suite.claim(suite.other));
      const before = await suite.broker.executions.list(100);
      for (const zombie of zombies) {
        const settlement = SETTLEMENTS[argsOf(zombie) as SettlementName]();
        await expect(suite.broker.runs.settle(zombie, settlement, true)).rejects.toThrow(LeaseLostError);
        await suite.other.runs.renew(claims); // all this may take longer than a lease
      }
      const after = await suite.broker.executions.list(100);
      expect(after.counts).toEqual({ scheduled: 0, queued: 0, parked: 0, running: claims.length, retrying: 0 });
      expect(new Set(after.records)).toEqual(new Set(before.records));
      for (const held of claims) await suite.other.runs.settle(held, COMPLETE, false);
      expect(await suite.broker.executions.size()).toBe(0);
    });

    it('that are lost do not come back when the key is used anew', async () => {
      const zombie = (await suite.bring('k', 'running')) as Claim;
      await suite.crash();
      await suite.other.runs.settle(await suite.claim(suite.other), COMPLETE, false);
      await suite.add(keyed('k', 'new'));
      const held = await suite.claim(suite.other);
      await expect(suite.broker.runs.settle(zombie, SETTLEMENTS.fail(), false)).rejects.toThrow(LeaseLostError);
      expect((await suite.broker.runs.renew([zombie])).lost).toEqual([zombie]);
      expect(await suite.record('k')).toMatchObject({ state: 'running', args: '["new"]' });
      await suite.other.runs.settle(held, COMPLETE, false);
      expect(await suite.stateOf('k')).toBe('completed');
    });

    it('are renewed where there are none', async () => {
      expect(await suite.broker.runs.renew([])).toEqual({ lost: [], cancelled: new Map() });
    });
  });
});
