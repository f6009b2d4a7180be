import { describe, expect, it } from '@jest/globals';
import { ExpiringMap } from '../../../lib/queue/broker/expiring-map.js';
import { VirtualClock } from 'nestjs-tasks/testing';

describe('ExpiringMap', () => {
  it('forgets what was set longer ago than its time', async () => {
    const clock = new VirtualClock();
    const map = new ExpiringMap<string, number>(clock, 1_000);
    map.set('a', 1);
    await clock.advance(600);
    map.set('b', 2);
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([1, 2, undefined]);
    await clock.advance(400);
    expect([map.get('a'), map.get('b')]).toEqual([undefined, 2]);
    map.set('b', 3);
    await clock.advance(999);
    expect(map.get('b')).toBe(3);
    await clock.advance(1);
    map.set('c', 4);
    expect([map.get('b'), map.get('c')]).toEqual([undefined, 4]);
  });
  it('forgets what is taken', () => {
    let now = 0;
    const map = new ExpiringMap<string, number>(
      { now: () => now, schedule: () => () => {}, sleep: () => Promise.resolve() },
      10,
    );
    map.set('a', 1);
    expect(map.take('a')).toBe(1);
    expect(map.take('a')).toBeUndefined();
    map.set('a', 2);
    now = 10;
    expect(map.take('a')).toBeUndefined();
  });
});
