import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../../../../lib/queue/broker/clock.js';
import type { Gate, Visitor } from '../../../../lib/queue/broker/gate.js';
import { MemoryGates } from '../../../../lib/queue/broker/memory/memory-gates.js';

const LEASE = 1_000;

/** What the conformance tests of the gates cannot wait for: time goes as the test says. */
function open(): { gates: MemoryGates; pass: (time: number) => void } {
  let now = 0;
  const clock: Clock = { now: () => now, schedule: () => () => {} };
  return { gates: new MemoryGates(clock, LEASE), pass: (time) => (now += time) };
}

function visitor(id: string, overrides: Partial<Visitor> = {}): Visitor {
  return { id, key: id, token: `${id}-1`, run: 1, attempt: 1, since: 0, order: id, ...overrides };
}

const slots = (max: number, pool = 'pool'): Gate => ({ type: 'concurrency', pool, max });

describe('MemoryGates', () => {
  it('prolongs the slots of their holder, and nobody else does', () => {
    const { gates, pass } = open();
    gates.admit(visitor('a'), [slots(1)]);
    pass(LEASE - 1);
    gates.renew([
      { id: 'a', token: 'another' },
      { id: 'nobody', token: 'x' },
    ]);
    pass(1);
    expect(gates.admit(visitor('b'), [slots(1)]).admission.type).toBe('admitted');
    gates.renew([{ id: 'b', token: 'b-1' }]);
    pass(LEASE - 1);
    expect(gates.admit(visitor('c'), [slots(1)]).admission.type).toBe('waits');
    gates.renew([{ id: 'c', token: 'c-1' }]); // it has none
    expect(gates.pools()).toMatchObject([{ holders: [{ id: 'b' }], waiters: [{ id: 'c' }] }]);
  });

  it('frees nothing for a token that is not the holder’s', () => {
    const { gates } = open();
    gates.admit(visitor('a'), [slots(1)]);
    expect(gates.release('a', 'another')).toEqual([]);
    expect(gates.release('nobody', 'x')).toEqual([]);
    expect(gates.pools()).toHaveLength(1);
  });

  it('keeps the place in line of one that is released before it holds a slot', () => {
    const { gates } = open();
    gates.admit(visitor('a'), [slots(1)]);
    gates.admit(visitor('b'), [slots(1)]);
    expect(gates.release('b', 'b-1')).toEqual([]);
    expect(gates.pools()).toMatchObject([{ holders: [{ id: 'a' }], waiters: [{ id: 'b' }] }]);
  });

  it('hands slots to none of those that are forgotten together', () => {
    const { gates } = open();
    for (const id of ['a', 'b', 'c']) gates.admit(visitor(id), [slots(1)]);
    expect(gates.forget('a', 'b')).toMatchObject([{ id: 'c' }]);
  });

  it('hands on all slots of a dead holder, and offers them again to those who do not come', () => {
    const { gates, pass } = open();
    gates.admit(visitor('dead'), [slots(1, 'x'), slots(1, 'y')]);
    gates.admit(visitor('a'), [slots(1, 'x')]);
    gates.admit(visitor('b'), [slots(1, 'y')]);
    expect(gates.sweep()).toEqual({ woken: [], nextAt: LEASE });
    pass(LEASE);
    const { woken } = gates.sweep();
    expect(woken.map(({ id }) => id).toSorted()).toEqual(['a', 'b']);
    expect(gates.isHandedOver('a')).toBe(true);
    pass(LEASE);
    expect(
      gates
        .sweep()
        .woken.map(({ id }) => id)
        .toSorted(),
    ).toEqual(['a', 'b']);
    gates.renew([{ id: 'a', token: 'a-1' }]); // it was told elsewhere, and has not asked
    expect(gates.isHandedOver('a')).toBe(false);
  });

  it('lets go of slots when an execution needs none any more', () => {
    const { gates } = open();
    gates.admit(visitor('a'), [slots(1)]);
    expect(gates.admit(visitor('a'), [{ type: 'cooldown', pool: 'c', window: 5 }]).admission.type).toBe('admitted');
    expect(gates.pools()).toEqual([]);
  });

  it('lets one that was handed a slot go on to the pool that it still lacks', () => {
    const { gates } = open();
    gates.admit(visitor('a', { since: 1 }), [slots(1, 'x')]);
    gates.admit(visitor('b', { since: 2 }), [slots(1, 'y')]);
    gates.admit(visitor('c', { since: 3 }), [slots(1, 'x'), slots(1, 'y')]);
    gates.admit(visitor('d', { since: 0 }), [slots(1, 'y')]);
    gates.release('a', 'a-1');
    expect(gates.pools()).toMatchObject([{ pool: 'y', waiters: [{ id: 'd' }, { id: 'c' }] }]);
    expect(gates.admit(visitor('c', { token: 'c-2' }), [slots(1, 'x'), slots(1, 'y')]).admission.type).toBe('waits');
  });

  it('forgets what is past its time', () => {
    const { gates, pass } = open();
    const all: Gate[] = [
      { type: 'cooldown', pool: 'c', window: 10 },
      { type: 'rate', pool: 'r', limit: 1, per: 10, refuses: true },
    ];
    gates.admit(visitor('a'), all);
    expect(gates.admit(visitor('b'), all).admission.type).toBe('refused');
    gates.sweep();
    expect(gates.admit(visitor('b'), all).admission.type).toBe('refused');
    pass(10);
    gates.sweep();
    expect(gates.admit(visitor('b'), all).admission.type).toBe('admitted');
  });

  it('refuses what is over a rate without a place for it, and gives those of the gone to others', () => {
    const { gates } = open();
    const rate = (refuses: boolean): Gate => ({ type: 'rate', pool: 'r', limit: 1, per: 100, refuses });
    gates.admit(visitor('a'), [rate(true)]);
    expect(gates.admit(visitor('b'), [rate(true)]).admission.type).toBe('refused');
    expect(gates.admit(visitor('c'), [rate(false)]).admission).toMatchObject({ type: 'later', at: 100 });
    expect(gates.admit(visitor('d'), [rate(false)]).admission).toMatchObject({ type: 'later', at: 200 });
    gates.forget('c');
    gates.forget('nobody');
    expect(gates.admit(visitor('e'), [rate(false)]).admission).toMatchObject({ type: 'later', at: 300 });
  });

  it('frees a place whose time has come, when its execution is gone', () => {
    const { gates, pass } = open();
    const rate: Gate = { type: 'rate', pool: 'r', limit: 1, per: 100, refuses: false };
    gates.admit(visitor('a'), [rate]);
    expect(gates.admit(visitor('b'), [rate]).admission).toMatchObject({ type: 'later', at: 100 });
    pass(100);
    gates.forget('b');
    expect(gates.admit(visitor('c'), [rate]).admission.type).toBe('admitted');
    gates.forget('c'); // it has started, which counts
    expect(gates.admit(visitor('d'), [rate]).admission).toMatchObject({ type: 'later', at: 200 });
  });

  it('begins a row anew when the last one of a debounce was lost', () => {
    const { gates, pass } = open();
    const debounce: Gate = { type: 'debounce', pool: 'd', window: 100, maxWait: 150 };
    expect(gates.admit(visitor('a', { order: '1' }), [debounce]).admission).toMatchObject({ type: 'later', at: 100 });
    pass(90);
    expect(gates.admit(visitor('b', { order: '2' }), [debounce]).admission).toMatchObject({ type: 'later', at: 150 });
    pass(10_000); // and b never comes
    expect(gates.admit(visitor('c', { order: '3' }), [debounce]).admission).toMatchObject({
      type: 'later',
      at: 10_190,
    });
    expect(gates.admit(visitor('c', { order: '3', attempt: 2 }), [debounce]).admission.type).toBe('admitted');
    pass(200_000);
    gates.sweep();
    expect(gates.admit(visitor('a', { order: '1' }), [debounce]).admission.type).toBe('later');
  });
});
