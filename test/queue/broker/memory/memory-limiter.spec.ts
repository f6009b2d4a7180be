import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../../../../lib/queue/broker/clock.js';
import type { Limit, Candidate } from '../../../../lib/queue/broker/limit.js';
import { MemoryLimiter } from '../../../../lib/queue/broker/memory/memory-limiter.js';

const LEASE = 1_000;

/** What the conformance tests of the limits cannot wait for: time goes as the test says. */
function open(): { limits: MemoryLimiter; pass: (time: number) => void } {
  let now = 0;
  const clock: Clock = { now: () => now, schedule: () => () => {}, sleep: () => Promise.resolve() };
  return { limits: new MemoryLimiter(clock, LEASE), pass: (time) => (now += time) };
}

function candidate(id: string, overrides: Partial<Candidate> = {}): Candidate {
  return { id, key: id, token: `${id}-1`, run: 1, attempt: 1, since: 0, order: id, ...overrides };
}

const slots = (max: number, pool = 'pool'): Limit => ({ type: 'concurrency', pool, max });

describe('MemoryLimiter', () => {
  it('prolongs the slots of their holder, and nobody else does', () => {
    const { limits, pass } = open();
    limits.admit(candidate('a'), [slots(1)]);
    pass(LEASE - 1);
    limits.renew([
      { id: 'a', token: 'another' },
      { id: 'nobody', token: 'x' },
    ]);
    pass(1);
    expect(limits.admit(candidate('b'), [slots(1)]).admission.type).toBe('admitted');
    limits.renew([{ id: 'b', token: 'b-1' }]);
    pass(LEASE - 1);
    expect(limits.admit(candidate('c'), [slots(1)]).admission.type).toBe('waits');
    limits.renew([{ id: 'c', token: 'c-1' }]); // it has none
    expect(limits.pools()).toMatchObject([{ holders: [{ id: 'b' }], waiters: [{ id: 'c' }] }]);
  });

  it('frees nothing for a token that is not the holder’s', () => {
    const { limits } = open();
    limits.admit(candidate('a'), [slots(1)]);
    expect(limits.release('a', 'another')).toEqual([]);
    expect(limits.release('nobody', 'x')).toEqual([]);
    expect(limits.pools()).toHaveLength(1);
  });

  it('keeps the place in line of one that is released before it holds a slot', () => {
    const { limits } = open();
    limits.admit(candidate('a'), [slots(1)]);
    limits.admit(candidate('b'), [slots(1)]);
    expect(limits.release('b', 'b-1')).toEqual([]);
    expect(limits.pools()).toMatchObject([{ holders: [{ id: 'a' }], waiters: [{ id: 'b' }] }]);
  });

  it('hands slots to none of those that are forgotten together', () => {
    const { limits } = open();
    for (const id of ['a', 'b', 'c']) limits.admit(candidate(id), [slots(1)]);
    expect(limits.forget('a', 'b')).toMatchObject([{ id: 'c' }]);
  });

  it('hands on all slots of a dead holder, and offers them again to those who do not come', () => {
    const { limits, pass } = open();
    limits.admit(candidate('dead'), [slots(1, 'x'), slots(1, 'y')]);
    limits.admit(candidate('a'), [slots(1, 'x')]);
    limits.admit(candidate('b'), [slots(1, 'y')]);
    expect(limits.sweep()).toEqual({ woken: [], nextAt: LEASE });
    pass(LEASE);
    const { woken } = limits.sweep();
    expect(woken.map(({ id }) => id).toSorted()).toEqual(['a', 'b']);
    expect(limits.isGranted('a')).toBe(true);
    pass(LEASE);
    expect(
      limits
        .sweep()
        .woken.map(({ id }) => id)
        .toSorted(),
    ).toEqual(['a', 'b']);
    limits.renew([{ id: 'a', token: 'a-1' }]); // it was told elsewhere, and has not asked
    expect(limits.isGranted('a')).toBe(false);
  });

  it('lets go of slots when an execution needs none any more', () => {
    const { limits } = open();
    limits.admit(candidate('a'), [slots(1)]);
    expect(limits.admit(candidate('a'), [{ type: 'cooldown', pool: 'c', window: 5 }]).admission.type).toBe('admitted');
    expect(limits.pools()).toEqual([]);
  });

  it('lets one that was handed a slot go on to the pool that it still lacks', () => {
    const { limits } = open();
    limits.admit(candidate('a', { since: 1 }), [slots(1, 'x')]);
    limits.admit(candidate('b', { since: 2 }), [slots(1, 'y')]);
    limits.admit(candidate('c', { since: 3 }), [slots(1, 'x'), slots(1, 'y')]);
    limits.admit(candidate('d', { since: 0 }), [slots(1, 'y')]);
    limits.release('a', 'a-1');
    expect(limits.pools()).toMatchObject([{ pool: 'y', waiters: [{ id: 'd' }, { id: 'c' }] }]);
    expect(limits.admit(candidate('c', { token: 'c-2' }), [slots(1, 'x'), slots(1, 'y')]).admission.type).toBe('waits');
  });

  it('forgets what is past its time', () => {
    const { limits, pass } = open();
    const all: Limit[] = [
      { type: 'cooldown', pool: 'c', window: 10 },
      { type: 'rate', pool: 'r', max: 1, per: 10, refuses: true },
    ];
    limits.admit(candidate('a'), all);
    expect(limits.admit(candidate('b'), all).admission.type).toBe('refused');
    limits.sweep();
    expect(limits.admit(candidate('b'), all).admission.type).toBe('refused');
    pass(10);
    limits.sweep();
    expect(limits.admit(candidate('b'), all).admission.type).toBe('admitted');
  });

  it('refuses what is over a rate without a place for it, and gives those of the gone to others', () => {
    const { limits } = open();
    const rate = (refuses: boolean): Limit => ({ type: 'rate', pool: 'r', max: 1, per: 100, refuses });
    limits.admit(candidate('a'), [rate(true)]);
    expect(limits.admit(candidate('b'), [rate(true)]).admission.type).toBe('refused');
    expect(limits.admit(candidate('c'), [rate(false)]).admission).toMatchObject({ type: 'later', at: 100 });
    expect(limits.admit(candidate('d'), [rate(false)]).admission).toMatchObject({ type: 'later', at: 200 });
    limits.forget('c');
    limits.forget('nobody');
    expect(limits.admit(candidate('e'), [rate(false)]).admission).toMatchObject({ type: 'later', at: 300 });
  });

  it('frees a place whose time has come, when its execution is gone', () => {
    const { limits, pass } = open();
    const rate: Limit = { type: 'rate', pool: 'r', max: 1, per: 100, refuses: false };
    limits.admit(candidate('a'), [rate]);
    expect(limits.admit(candidate('b'), [rate]).admission).toMatchObject({ type: 'later', at: 100 });
    pass(100);
    limits.forget('b');
    expect(limits.admit(candidate('c'), [rate]).admission.type).toBe('admitted');
    limits.forget('c'); // it has started, which counts
    expect(limits.admit(candidate('d'), [rate]).admission).toMatchObject({ type: 'later', at: 200 });
  });

  it('begins a row anew when the last one of a debounce was lost', () => {
    const { limits, pass } = open();
    const debounce: Limit = { type: 'debounce', pool: 'd', window: 100, maxWait: 150 };
    expect(limits.admit(candidate('a', { order: '1' }), [debounce]).admission).toMatchObject({
      type: 'later',
      at: 100,
    });
    pass(90);
    expect(limits.admit(candidate('b', { order: '2' }), [debounce]).admission).toMatchObject({
      type: 'later',
      at: 150,
    });
    pass(10_000); // and b never comes
    expect(limits.admit(candidate('c', { order: '3' }), [debounce]).admission).toMatchObject({
      type: 'later',
      at: 10_190,
    });
    expect(limits.admit(candidate('c', { order: '3', attempt: 2 }), [debounce]).admission.type).toBe('admitted');
    pass(200_000);
    limits.sweep();
    expect(limits.admit(candidate('a', { order: '1' }), [debounce]).admission.type).toBe('later');
  });
});
