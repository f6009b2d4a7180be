import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Broker, Claim } from '../../../lib/queue/broker/broker.js';
import type { Admission, Limit } from '../../../lib/queue/broker/limit.js';
import { BROKERS, brokerSpace, SHARED_BROKERS, type BrokerOverrides } from '../../support/brokers.js';
import { until } from '../../support/until.js';
import type { NewExecution } from '../../../lib/queue/broker/record.js';
import type { Settlement } from '../../../lib/queue/broker/settlement.js';

jest.setTimeout(30_000);

const SHORT_LEASE = 500;
const COMPLETE: Settlement = { type: 'complete', result: '[null]' };

const slots = (max: number, pool = 'pool'): Limit => ({ type: 'concurrency', pool, max });
const rate = (max: number, per: number, refuses = false): Limit => ({
  type: 'rate',
  pool: 'rate',
  max,
  per,
  refuses,
});
const cooldown = (window: number): Limit => ({ type: 'cooldown', pool: 'cooldown', window });
const debounce = (window: number, maxWait?: number): Limit => ({ type: 'debounce', pool: 'debounce', window, maxWait });

describe.each(BROKERS)('the limits of the broker: $label', (kind) => {
  const space = brokerSpace(kind);
  let queue: string;
  let broker: Broker;
  let opened: Broker[];

  function open(overrides?: BrokerOverrides): Broker {
    const found = space.open(queue, overrides);
    opened.push(found);
    return found;
  }

  beforeEach(() => {
    queue = space.newQueue();
    opened = [];
    broker = open();
  });

  afterEach(async () => {
    await Promise.all(opened.map((each) => each.close()));
  });

  async function add(key: string, overrides: Partial<NewExecution> = {}): Promise<void> {
    await broker.executions.add([{ key, name: 'task', args: '[]', priority: 0, when: undefined, ...overrides }]);
  }

  async function claim(key?: string): Promise<Claim> {
    const found = await until(() => broker.runs.claim(), `${key ?? 'something'} to be claimed`);
    if (key !== undefined) expect(found.record.key).toBe(key);
    return found;
  }

  async function arriveAt(
    at: Broker,
    key: string,
    limits: readonly Limit[],
  ): Promise<{ claim: Claim; admission: Admission }> {
    await add(key);
    const claimed = await until(() => at.runs.claim(), `${key} to be claimed`);
    expect(claimed.record.key).toBe(key);
    return { claim: claimed, admission: await at.limits.admit(claimed, limits) };
  }

  const arrive = (key: string, limits: readonly Limit[]) => arriveAt(broker, key, limits);

  /** Adds, claims and admits; parks what has to wait. */
  async function visit(key: string, limits: readonly Limit[]): Promise<Claim> {
    const { claim: claimed, admission } = await arrive(key, limits);
    if (admission.type === 'waits') await broker.runs.settle(claimed, { type: 'park', reason: 'blocked' }, false);
    return claimed;
  }

  const finish = (claimed: Claim): Promise<unknown> => broker.runs.settle(claimed, COMPLETE, false);
  const stateOf = async (key: string): Promise<string | undefined> => (await broker.executions.get(key))?.state;

  async function poolsOf(): Promise<Record<string, { max: number; holders: string[]; waiters: string[] }>> {
    const pools = await broker.limits.pools();
    return Object.fromEntries(
      pools.map(({ pool, max, holders, waiters }) => [
        pool,
        { max, holders: holders.map(({ key }) => key).toSorted(), waiters: waiters.map(({ key }) => key) },
      ]),
    );
  }

  async function untilWoken(key: string): Promise<Claim> {
    await until(async () => (await stateOf(key)) === 'queued', `${key} to be woken`);
    return claim(key);
  }

  describe('slots', () => {
    it('admits as many as there are, and lets the others wait', async () => {
      expect((await arrive('a', [slots(2)])).admission.type).toBe('admitted');
      expect((await arrive('b', [slots(2)])).admission.type).toBe('admitted');
      expect((await arrive('c', [slots(2)])).admission).toMatchObject({ type: 'waits', limit: slots(2) });
      expect(await poolsOf()).toEqual({ pool: { max: 2, holders: ['a', 'b'], waiters: ['c'] } });
    });

    it('counts each pool for itself', async () => {
      await visit('a', [slots(1, 'one')]);
      expect((await arrive('b', [slots(1, 'two')])).admission.type).toBe('admitted');
    });

    it('wakes the first in line when a slot is free, and hands it to nobody else', async () => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await visit('c', [slots(1)]);
      await finish(a);
      const b = await untilWoken('b');
      expect((await arrive('d', [slots(1)])).admission.type).toBe('waits');
      expect((await broker.limits.admit(b, [slots(1)])).type).toBe('admitted');
      expect(await stateOf('c')).toBe('parked');
      expect((await poolsOf())['pool']).toMatchObject({ holders: ['b'], waiters: ['c', 'd'] });
    });

    it.each<[string, () => Settlement]>([
      ['failed', () => ({ type: 'fail', error: { name: 'Error', message: 'bad' } })],
      ['cancelled', () => ({ type: 'cancel', reason: 'not wanted' })],
      ['retried', () => ({ type: 'retry', at: Date.now() + 3_600_000, error: { name: 'Error', message: 'bad' } })],
      ['re-scheduled', () => ({ type: 'reschedule', at: Date.now() + 3_600_000, args: '[]' })],
      ['handed back', () => ({ type: 'release', at: Date.now() + 3_600_000, reason: 'shutdown' })],
    ])('frees the slot of one that is %s', async (_, settlement) => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await broker.runs.settle(a, settlement(), false);
      expect((await broker.limits.admit(await untilWoken('b'), [slots(1)])).type).toBe('admitted');
    });

    it('does not lose the slot that is freed between the look and the parking', async () => {
      const a = await visit('a', [slots(1)]);
      const { claim: b } = await arrive('b', [slots(1)]);
      await finish(a);
      await until(async () => (await poolsOf())['pool']?.holders[0] === 'b', 'b to be handed the slot');
      await broker.runs.settle(b, { type: 'park', reason: 'blocked' }, false);
      expect((await broker.limits.admit(await untilWoken('b'), [slots(1)])).type).toBe('admitted');
    });

    it('keeps the place of one that comes again', async () => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await visit('c', [slots(1)]);
      await broker.runs.wake('b');
      const again = await untilWoken('b');
      expect((await broker.limits.admit(again, [slots(1)])).type).toBe('waits');
      await broker.runs.settle(again, { type: 'park', reason: 'blocked' }, false);
      expect((await poolsOf())['pool']?.waiters).toEqual(['b', 'c']);
      await finish(a);
      await untilWoken('b');
    });

    it('does not let a newcomer overtake those in line', async () => {
      const a = await visit('a', [slots(2)]);
      await visit('b', [slots(2)]);
      await visit('c', [slots(2)]);
      await finish(a);
      const c = await untilWoken('c');
      expect((await arrive('d', [slots(2)])).admission.type).toBe('waits');
      expect((await broker.limits.admit(c, [slots(2)])).type).toBe('admitted');
    });

    it('takes slots of several pools at once, or none', async () => {
      const a = await visit('a', [slots(1, 'x')]);
      await visit('b', [slots(1, 'x'), slots(1, 'y')]);
      // Nobody holds y for b as long as b cannot have x.
      const c = await visit('c', [slots(1, 'y')]);
      expect(await poolsOf()).toEqual({
        x: { max: 1, holders: ['a'], waiters: ['b'] },
        y: { max: 1, holders: ['c'], waiters: [] },
      });
      await finish(a); // now b waits for y
      await until(async () => (await poolsOf())['y']?.waiters[0] === 'b', 'b to wait for the other pool');
      expect((await arrive('d', [slots(1, 'x')])).admission.type).toBe('admitted');
      await finish(c);
      expect((await poolsOf())['x']?.holders).toEqual(['d']);
    });

    it('wakes one that needs several pools when the last of them is free', async () => {
      const a = await visit('a', [slots(1, 'x')]);
      const b = await visit('b', [slots(1, 'y')]);
      await visit('c', [slots(1, 'x'), slots(1, 'y')]);
      await finish(a);
      await until(async () => (await poolsOf())['y']?.waiters[0] === 'c', 'c to wait for the other pool');
      await finish(b);
      expect((await broker.limits.admit(await untilWoken('c'), [slots(1, 'x'), slots(1, 'y')])).type).toBe('admitted');
      expect(await poolsOf()).toMatchObject({ x: { holders: ['c'] }, y: { holders: ['c'] } });
    });

    it('lets one that is cancelled leave the line', async () => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await visit('c', [slots(1)]);
      expect(await broker.executions.cancel('b', 'not wanted')).toBe('cancelled');
      expect((await poolsOf())['pool']?.waiters).toEqual(['c']);
      await finish(a);
      await untilWoken('c');
    });

    it('lets one that is replaced leave the line', async () => {
      await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await broker.executions.replace({ key: 'b', name: 'task', args: '["new"]', priority: 0, when: undefined });
      expect((await poolsOf())['pool']?.waiters).toEqual([]);
      const b = await claim('b');
      expect(b.record.args).toBe('["new"]');
      expect((await broker.limits.admit(b, [slots(1)])).type).toBe('waits');
    });

    it('hands on the slot of one that is cancelled before it comes for it', async () => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await visit('c', [slots(1)]);
      await finish(a);
      await until(async () => (await stateOf('b')) === 'queued', 'b to be woken');
      expect(await broker.executions.cancel('b', 'not wanted')).toBe('cancelled');
      await untilWoken('c');
    });

    it.each<[string, Settlement]>([
      ['dropped', { type: 'drop', reason: 'struck' }],
      ['parked for something else', { type: 'park', reason: 'held' }],
      ['handed back', { type: 'release', reason: 'shutdown' }],
    ])('hands on the slot of one that is %s before it comes for it', async (_, settlement) => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await visit('c', [slots(1)]);
      await finish(a);
      await broker.runs.settle(await untilWoken('b'), settlement, false);
      await until(async () => (await stateOf('c')) === 'queued', 'c to be woken');
      expect((await poolsOf())['pool']).toMatchObject({ holders: ['c'], waiters: [] });
    });

    it('goes by when each was due, not by when it was added long ago', async () => {
      await add('old');
      const old = await claim('old');
      await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      const visited = Date.now();
      await until(() => Date.now() > visited + 5, 'time to pass');
      await broker.runs.settle(old, { type: 'reschedule', at: Date.now(), args: '[]' }, false);
      const again = await claim('old');
      expect((await broker.limits.admit(again, [slots(1)])).type).toBe('waits');
      expect((await poolsOf())['pool']?.waiters).toEqual(['b', 'old']);
    });

    it('leaves nothing in line when the queue is cleared', async () => {
      await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await broker.executions.clear('cleared');
      expect((await poolsOf())['pool']).toMatchObject({ holders: ['a'], waiters: [] });
    });

    it('has no pools when nobody holds or waits for a slot', async () => {
      const a = await visit('a', [slots(1), slots(1, 'other')]);
      await finish(a);
      await until(async () => (await broker.limits.pools()).length === 0, 'the pools to be gone');
      expect(await poolsOf()).toEqual({});
    });

    it('does not count a visit that has to wait as a start', async () => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await finish(a);
      expect((await untilWoken('b')).record).toMatchObject({ starts: 1, attempt: 1 });
    });

    it('goes by the rules of the newest deploy', async () => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await broker.runs.wake('b');
      expect((await broker.limits.admit(await untilWoken('b'), [slots(2)])).type).toBe('admitted');
      await finish(a);
      expect((await poolsOf())['pool']?.holders).toEqual(['b']);
    });
  });

  describe('leases of slots', () => {
    beforeEach(() => {
      broker = open({ lease: SHORT_LEASE });
    });

    it('takes the slot of a dead holder', async () => {
      await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      let soonest: number | undefined;
      await until(async () => {
        soonest = (await broker.runs.recover()).againAt ?? soonest;
        return (await stateOf('b')) === 'queued';
      }, 'b to be woken');
      expect(soonest).toBeGreaterThan(Date.now() - 2_000);
    });

    it('lets a newcomer have the slot of a dead holder', async () => {
      await visit('a', [slots(1)]);
      await until(async () => {
        const { claim: claimed, admission } = await arrive(`b${Date.now()}`, [slots(1)]);
        await broker.runs.settle(claimed, { type: 'drop', reason: 'tried' }, false);
        return admission.type === 'admitted';
      }, 'the slot to be free');
      expect((await poolsOf())['pool']?.waiters ?? []).toEqual([]);
    });

    it('keeps the slot of one whose lease is renewed', async () => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      const end = Date.now() + 2.5 * SHORT_LEASE;
      await until(async () => {
        await broker.runs.renew([a]);
        await broker.runs.recover();
        return Date.now() > end;
      }, 'two leases to pass');
      expect(await stateOf('b')).toBe('parked');
      expect((await poolsOf())['pool']?.holders).toEqual(['a']);
    });

    it('lets an execution of a dead worker have its own slot back', async () => {
      await visit('a', [slots(1)]);
      await until(async () => (await broker.runs.recover()).crashed === 1, 'a to be recovered');
      expect((await broker.limits.admit(await claim('a'), [slots(1)])).type).toBe('admitted');
    });

    it('does not free the slot for a zombie that settles late', async () => {
      const zombie = await visit('a', [slots(1)]);
      await until(async () => (await broker.runs.recover()).crashed === 1, 'a to be recovered');
      const again = await claim('a');
      await broker.limits.admit(again, [slots(1)]);
      await expect(finish(zombie)).rejects.toThrow('lease');
      expect((await poolsOf())['pool']?.holders).toEqual(['a']);
    });

    it('offers a slot again to one that has not come for it', async () => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [slots(1)]);
      await finish(a);
      const lost = await untilWoken('b'); // and its worker dies before it is admitted
      await until(async () => {
        await broker.runs.recover();
        return (await stateOf('b')) === 'queued';
      }, 'b to be recovered');
      const found = await claim('b');
      expect(found.id).toBe(lost.id);
      expect((await broker.limits.admit(found, [slots(1)])).type).toBe('admitted');
    });
  });

  describe('a rate', () => {
    it('admits so many in its time, and tells the others when there is room', async () => {
      const before = Date.now();
      expect((await arrive('a', [rate(2, 60_000)])).admission.type).toBe('admitted');
      expect((await arrive('b', [rate(2, 60_000)])).admission.type).toBe('admitted');
      const { admission: c } = await arrive('c', [rate(2, 60_000)]);
      const { admission: d } = await arrive('d', [rate(2, 60_000)]);
      const { admission: e } = await arrive('e', [rate(2, 60_000)]);
      const atOf = (admission: Admission): number => (admission.type === 'later' ? admission.at - before : NaN);
      expect(atOf(c)).toBeGreaterThanOrEqual(60_000);
      expect(atOf(c)).toBeLessThan(65_000);
      expect(atOf(d)).toBeGreaterThanOrEqual(atOf(c));
      expect(atOf(d)).toBeLessThan(65_000);
      expect(atOf(e)).toBeGreaterThanOrEqual(120_000);
    });

    it('refuses what is over it, where it is to', async () => {
      await arrive('a', [rate(1, 60_000, true)]);
      expect((await arrive('b', [rate(1, 60_000, true)])).admission.type).toBe('refused');
    });

    it('admits one that comes at the time that it was told, and not before', async () => {
      const first = await arrive('a', [rate(1, 300)]);
      await finish(first.claim);
      const { claim: b, admission } = await arrive('b', [rate(1, 300)]);
      if (admission.type !== 'later') throw new Error(admission.type);
      expect(await broker.limits.admit(b, [rate(1, 300)])).toEqual(admission);
      await broker.runs.settle(b, { type: 'release', at: admission.at, reason: 'rate', isUnstarted: true }, false);
      expect((await broker.executions.get('b'))?.state).toBe('scheduled');
      const again = await claim('b');
      expect(Date.now()).toBeGreaterThanOrEqual(admission.at);
      expect((await broker.limits.admit(again, [rate(1, 300)])).type).toBe('admitted');
      expect(again.record.starts).toBe(1);
    });

    it('gives the place of one that is cancelled to the next', async () => {
      await arrive('a', [rate(1, 60_000)]);
      const { claim: b, admission } = await arrive('b', [rate(1, 60_000)]);
      if (admission.type !== 'later') throw new Error(admission.type);
      await broker.runs.settle(b, { type: 'release', at: admission.at, reason: 'rate' }, false);
      await broker.executions.cancel('b', 'not wanted');
      const { admission: next } = await arrive('c', [rate(1, 60_000)]);
      expect(next).toMatchObject({ type: 'later', at: admission.at });
    });

    it('does not count one that waits for a slot', async () => {
      const a = await visit('a', [slots(1)]);
      await visit('b', [rate(1, 60_000), slots(1)]);
      expect((await arrive('c', [rate(1, 60_000)])).admission.type).toBe('admitted');
      await finish(a);
      // Its turn has come, and now it is over the rate: others may have the slot.
      expect((await broker.limits.admit(await untilWoken('b'), [rate(1, 60_000), slots(1)])).type).toBe('later');
      expect((await arrive('d', [slots(1)])).admission.type).toBe('admitted');
    });
  });

  describe('a cooldown', () => {
    it('refuses others for its time, and then no more', async () => {
      const { claim: a, admission } = await arrive('a', [cooldown(400)]);
      expect(admission.type).toBe('admitted');
      await finish(a);
      expect((await arrive('b', [cooldown(400)])).admission.type).toBe('refused');
      await until(
        async () => (await arrive(`c${Date.now()}`, [cooldown(400)])).admission.type === 'admitted',
        'it to be over',
      );
    });

    it('lets the same run in again', async () => {
      const { claim: a } = await arrive('a', [cooldown(60_000)]);
      await broker.runs.settle(a, { type: 'retry', at: Date.now(), error: { name: 'Error', message: 'bad' } }, false);
      const again = await claim('a');
      expect(again.record.attempt).toBe(2);
      expect((await broker.limits.admit(again, [cooldown(60_000)])).type).toBe('admitted');
      await broker.runs.settle(again, { type: 'reschedule', at: Date.now(), args: '[]' }, false);
      const next = await claim('a');
      expect(next.record.run).toBe(2);
      expect((await broker.limits.admit(next, [cooldown(60_000)])).type).toBe('refused');
    });

    it('lets a retry in that comes when the time of another has begun', async () => {
      const { claim: a } = await arrive('a', [cooldown(1)]);
      await broker.runs.settle(
        a,
        { type: 'retry', at: Date.now() + 200, error: { name: 'Error', message: 'bad' } },
        false,
      );
      const over = Date.now() + 10;
      await until(() => Date.now() > over, 'it to be over');
      expect((await arrive('b', [cooldown(60_000)])).admission.type).toBe('admitted');
      expect((await broker.limits.admit(await claim('a'), [cooldown(60_000)])).type).toBe('admitted');
    });

    it('is not begun by one that has to wait for a slot', async () => {
      await visit('a', [slots(1)]);
      await visit('b', [cooldown(60_000), slots(1)]);
      expect((await arrive('c', [cooldown(60_000)])).admission.type).toBe('admitted');
    });
  });

  describe('a debounce', () => {
    it('puts the last off, refuses the others, and opens when it was quiet', async () => {
      const { claim: a, admission: first } = await arrive('a', [debounce(300)]);
      const { claim: b, admission: second } = await arrive('b', [debounce(300)]);
      if (first.type !== 'later' || second.type !== 'later') throw new Error(`${first.type} ${second.type}`);
      expect(second.at).toBeGreaterThanOrEqual(first.at);
      expect((await broker.limits.admit(a, [debounce(300)])).type).toBe('refused');
      await until(() => Date.now() >= second.at, 'it to be quiet');
      expect((await broker.limits.admit(b, [debounce(300)])).type).toBe('admitted');
      // One that comes late is still superseded.
      expect((await broker.limits.admit(a, [debounce(300)])).type).toBe('refused');
      expect((await arrive('c', [debounce(300)])).admission.type).toBe('later');
    });

    it('opens at the latest after its longest wait', async () => {
      const { admission: first } = await arrive('a', [debounce(60_000, 400)]);
      if (first.type !== 'later') throw new Error(first.type);
      expect(first.at).toBeLessThan(Date.now() + 1_000);
      const { claim: b, admission: second } = await arrive('b', [debounce(60_000, 400)]);
      expect(second).toMatchObject({ type: 'later', at: first.at });
      await until(() => Date.now() >= first.at, 'the longest wait to be over');
      expect((await broker.limits.admit(b, [debounce(60_000, 400)])).type).toBe('admitted');
    });

    it('does not stall when the last one is lost', async () => {
      const { claim: a } = await arrive('a', [debounce(200)]);
      await broker.runs.settle(a, { type: 'cancel', reason: 'lost' }, false);
      const { claim: b, admission } = await arrive('b', [debounce(200)]);
      if (admission.type !== 'later') throw new Error(admission.type);
      await until(() => Date.now() >= admission.at, 'it to be quiet');
      expect((await broker.limits.admit(b, [debounce(200)])).type).toBe('admitted');
    });
  });

  describe('a call that comes late', () => {
    it('takes no slot from whoever holds the lease now', async () => {
      const slow = (broker = open({ lease: SHORT_LEASE, workerId: 'w-slow' }));
      const other = kind.isShared ? open({ workerId: 'w-other' }) : slow;
      await add('k');
      const late = await until(() => slow.runs.claim(), 'the first claim');
      await until(async () => (await other.runs.recover()).crashed === 1, 'its lease to end');
      const held = await until(() => other.runs.claim(), 'the second claim');
      expect(await other.limits.admit(held, [slots(1)])).toEqual({ type: 'admitted' });

      await expect(slow.limits.admit(late, [slots(1)])).rejects.toMatchObject({ code: 'LEASE_LOST' });
      const next = await arriveAt(other, 'next', [slots(1)]);
      expect(next.admission.type).toBe('waits');
      expect((await poolsOf())['pool']?.holders).toEqual(['k']);
      await other.runs.settle(next.claim, COMPLETE, false);
      await other.runs.settle(held, COMPLETE, false);
    });

    it('takes no slot when its lease is over, and nobody has the execution', async () => {
      const slow = (broker = open({ lease: SHORT_LEASE, workerId: 'w-slow' }));
      await add('k');
      const late = await until(() => slow.runs.claim(), 'the claim');
      await until(async () => (await slow.runs.recover()).crashed === 1, 'its lease to end');
      await expect(slow.limits.admit(late, [slots(1)])).rejects.toMatchObject({ code: 'LEASE_LOST' });
      expect(await poolsOf()).toEqual({});
    });
  });

  describe('shared maps', () => {
    it('keeps entries, with a version that changes with them', async () => {
      const empty = await broker.maps.read('b');
      expect([...(empty?.entries ?? [])]).toEqual([]);
      await broker.maps.write('b', 'x', '1');
      await broker.maps.write('b', 'y', '2');
      await broker.maps.write('other', 'z', '3');
      const map = await broker.maps.read('b', empty?.version);
      expect(Object.fromEntries(map?.entries ?? [])).toEqual({ x: '1', y: '2' });
      expect(await broker.maps.read('b', map?.version)).toBeUndefined();
      await broker.maps.write('b', 'x', '4');
      const changed = await broker.maps.read('b', map?.version);
      expect(Object.fromEntries(changed?.entries ?? [])).toEqual({ x: '4', y: '2' });
      expect(await broker.maps.erase('b', 'nothing')).toBe(false);
      expect(await broker.maps.erase('b', 'x', { expected: '1' })).toBe(false); // it has been written since
      expect(await broker.maps.read('b', changed?.version)).toBeUndefined();
      expect(await broker.maps.erase('b', 'x', { expected: '4' })).toBe(true);
      expect(Object.fromEntries((await broker.maps.read('b', changed?.version))?.entries ?? [])).toEqual({ y: '2' });
      await broker.maps.write('owned', 'f', '1', { map: 'b', field: 'x' }); // it was erased
      expect([...((await broker.maps.read('owned'))?.entries ?? [])]).toEqual([]);
      await broker.maps.write('owned', 'f', '2', { map: 'b', field: 'y' });
      expect(Object.fromEntries((await broker.maps.read('owned'))?.entries ?? [])).toEqual({ f: '2' });
      expect(await broker.maps.size('owned')).toBe(1);
      expect(await broker.maps.erase('b', 'y', { expected: '1', owned: 'owned' })).toBe(false);
      expect(await broker.maps.size('owned')).toBe(1); // it goes with the entry only
      expect(await broker.maps.erase('b', 'y', { owned: 'owned' })).toBe(true);
      expect([...((await broker.maps.read('owned'))?.entries ?? [])]).toEqual([]);
      expect([...((await broker.maps.read('b'))?.entries ?? [])]).toEqual([]);
      expect(await broker.maps.erase('b', 'y', { owned: 'other' })).toBe(false); // left behind by an entry that is gone
      expect(await broker.maps.size('other')).toBe(0);
    });

    it('leaves the map that an entry owns to an execution, as long as that is known', async () => {
      const [{ id } = { id: '' }] = await broker.executions.add([
        { key: 'keeper', name: 'task', args: '[]', priority: 0, when: undefined },
      ]);
      const owner = { map: 'b', field: 'x' };
      const fill = async (value: string): Promise<void> => {
        await broker.maps.write('b', 'x', '1');
        await broker.maps.write('owned', 'f', value, owner);
      };
      await fill('first');
      const keptBy = { id, ttl: 60_000 };
      expect(await broker.maps.erase('b', 'x', { expected: '2', owned: 'owned', keptBy })).toBe(false);
      expect((await broker.maps.kept(id)).size).toBe(0);
      expect(await broker.maps.erase('b', 'x', { owned: 'owned', keptBy })).toBe(true);
      expect(await broker.maps.size('owned')).toBe(0);
      // There is nothing to take its place.
      expect(await broker.maps.erase('b', 'x', { owned: 'owned', keptBy })).toBe(false);
      expect(Object.fromEntries(await broker.maps.kept(id))).toEqual({ f: 'first' });
      expect((await broker.maps.kept('other')).size).toBe(0);
      await fill('second');
      expect(await broker.maps.erase('b', 'x', { owned: 'owned', keptBy: { id, ttl: 0.5 } })).toBe(true);
      if (kind.isShared) await until(async () => (await broker.maps.kept(id)).size === 0, 'its time to be over');
      else expect(Object.fromEntries(await broker.maps.kept(id))).toEqual({ f: 'second' });
      await broker.executions.cancel('keeper', 'not wanted');
      await broker.ended.forget(id);
      expect((await broker.maps.kept(id)).size).toBe(0);
    });

    it('tells when an entry has changed', async () => {
      const heard: string[] = [];
      await broker.signals.subscribe((signal) => {
        if (signal.type === 'map') heard.push(signal.map);
      });
      await broker.maps.write('b', 'x', '1');
      await broker.maps.erase('b', 'x');
      await until(() => heard.length === 2, 'both changes to be heard');
      expect(heard).toEqual(['b', 'b']);
    });

    it('says nothing of quiet maps, which have no version', async () => {
      const heard: string[] = [];
      await broker.signals.subscribe((signal) => {
        if (signal.type === 'map') heard.push(signal.map);
      });
      const empty = await broker.maps.read('quiet:m');
      await broker.maps.write('quiet:m', 'x', '1');
      const written = await broker.maps.read('quiet:m');
      expect(written).toEqual({ version: empty?.version, entries: new Map([['x', '1']]) });
      await broker.maps.write('quiet:m', 'y', '1', { map: 'b', field: 'x' }); // there is no such entry
      expect(await broker.maps.size('quiet:m')).toBe(1);
      expect(await broker.maps.erase('quiet:m', 'x', { expected: '2' })).toBe(false);
      expect(await broker.maps.erase('quiet:m', 'x', { expected: '1' })).toBe(true);
      expect(await broker.maps.size('quiet:m')).toBe(0);
      await broker.maps.write('b', 'x', '1');
      await until(() => heard.length > 0, 'the change of another map to be heard');
      await broker.maps.erase('b', 'x');
      expect(heard[0]).toBe('b');
    });

    it('never keep what is written while their owner goes', async () => {
      for (let round = 0; round < 20; round += 1) {
        await broker.maps.write('b', 'owner', '1');
        const writes = Array.from({ length: 8 }, (_, at) =>
          broker.maps.write('quiet:owned', `f${at}`, '1', { map: 'b', field: 'owner' }),
        );
        await Promise.all([...writes, broker.maps.erase('b', 'owner', { owned: 'quiet:owned' })]);
        expect(await broker.maps.size('quiet:owned')).toBe(0);
      }
    });
  });

  describe('what is stored with an execution', () => {
    it('keeps extras', async () => {
      const extras = { isAutomatic: true, after: [{ id: 'i', key: 'x', name: 'task', addedAt: 5 }] };
      await add('a', { extras, args: '["\\u2028"]' });
      await broker.executions.add([
        { key: undefined, name: 'task', args: '[1]', priority: 0, when: undefined, extras },
      ]);
      expect(await broker.executions.get('a')).toMatchObject({ extras, args: '["\\u2028"]' });
      const a = await claim('a');
      expect(a.record.extras).toEqual(extras);
      expect((await claim()).record).toMatchObject({ extras, args: '[1]' });
    });

    it('keeps the time at which it was added', async () => {
      await add('a', { addedAt: 1_700_000_000_000 });
      expect((await broker.executions.get('a'))?.addedAt).toBe(1_700_000_000_000);
    });

    it('counts runs, and knows when each was due at first', async () => {
      await add('a');
      const a = await claim('a');
      expect(a.record).toMatchObject({ run: 1, since: a.record.when });
      await broker.runs.settle(a, { type: 'retry', at: Date.now(), error: { name: 'Error', message: 'bad' } }, false);
      const again = await claim('a');
      expect(again.record).toMatchObject({ run: 1, since: a.record.when, attempt: 2 });
      const at = Date.now();
      const error = { name: 'Error', message: 'worse' };
      await broker.runs.settle(again, { type: 'reschedule', at, args: '[2]', error }, false);
      expect(await broker.executions.get('a')).toMatchObject({ error });
      const next = await claim('a');
      expect(next.record).toMatchObject({ run: 2, since: at, attempt: 1, args: '[2]' });
      await broker.runs.settle(next, { type: 'release', at: Date.now(), reason: 'later' }, false);
      expect((await claim('a')).record).toMatchObject({ run: 2, since: at });
    });

    it('shows the progress of the run that goes on, and not of one before', async () => {
      await add('a');
      const a = await claim('a');
      await broker.runs.setProgress(a, { current: 2, total: 5, message: 'two of five' });
      expect((await broker.executions.get('a'))?.progress).toEqual({ current: 2, total: 5, message: 'two of five' });
      await broker.runs.settle(a, { type: 'retry', at: Date.now(), error: { name: 'Error', message: 'bad' } }, false);
      const again = await claim('a');
      expect(again.record.progress).toBeUndefined();
      expect((await broker.executions.get('a'))?.progress).toBeUndefined();
      await broker.runs.setProgress(again, { current: 1, total: 5 });
      await finish(again);
      expect((await broker.executions.get('a'))?.progress).toEqual({ current: 1, total: 5 });
    });
  });
});

describe.each(SHARED_BROKERS)('the limits of several processes: $label', (kind) => {
  const space = brokerSpace(kind);

  it('never lets more in than there are slots, and everybody in the end', async () => {
    const queue = space.newQueue();
    const workers = await Promise.all(
      Array.from({ length: 4 }, (_, at) => Promise.resolve(space.open(queue, { workerId: `w-${at}` }))),
    );
    const [first] = workers;
    if (first === undefined) throw new Error('no workers');
    const total = 60;
    await first.executions.add(
      Array.from({ length: total }, (_, at) => ({
        key: `k${at}`,
        name: 'task',
        args: '[]',
        priority: 0,
        when: undefined,
      })),
    );
    let running = 0;
    let most = 0;
    let done = 0;
    await Promise.all(
      workers.map(async (worker) => {
        while (done < total) {
          const claimed = await worker.runs.claim();
          if (claimed === undefined) {
            await new Promise((resolve) => setTimeout(resolve, 2));
            continue;
          }
          const { type } = await worker.limits.admit(claimed, [slots(3, 'shared')]);
          if (type === 'waits') {
            await worker.runs.settle(claimed, { type: 'park', reason: 'blocked' }, false);
            continue;
          }
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          done += 1;
          await worker.runs.settle(claimed, COMPLETE, false);
        }
      }),
    );
    expect(most).toBeLessThanOrEqual(3);
    expect(await first.executions.size()).toBe(0);
    await Promise.all(workers.map((worker) => worker.close()));
  });
});
