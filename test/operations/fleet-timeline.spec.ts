import { describe, expect, it } from '@jest/globals';
import { lastHourOf, pointsOf } from '../../lib/operations/fleet-timeline.js';

const MINUTE = 60_000;
const COUNTS = { added: 1, started: 3, completed: 2, failed: 1, retried: 0, cancelled: 0, dropped: 0 };
const ROW = { task: '', ...COUNTS, wait: { p50: 5, p95: 9 }, run: { p50: undefined, p95: undefined } };

describe('points of a timeline', () => {
  it('has one for each step, with zeros where nothing happened', () => {
    const points = pointsOf([{ ...ROW, at: new Date(2 * MINUTE) }], MINUTE + 5, 3 * MINUTE + 1, MINUTE);
    expect(points.map(({ at, started }) => [Date.parse(at) / MINUTE, started])).toEqual([
      [1, 0],
      [2, 3],
      [3, 0],
    ]);
    expect(points[1]).toMatchObject({ wait: { p50: 5, p95: 9 }, run: {} });
  });

  it('sums the last hour of a task, also of one that has not run', () => {
    expect(lastHourOf({ ...ROW, started: 90, at: new Date(0) })).toMatchObject({ started: 90, perMinute: 1.5 });
    expect(lastHourOf(undefined)).toEqual({
      started: 0,
      completed: 0,
      failed: 0,
      retried: 0,
      perMinute: 0,
      wait: {},
      run: {},
    });
  });
});
