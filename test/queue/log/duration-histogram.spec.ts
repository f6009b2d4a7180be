import { describe, expect, it } from '@jest/globals';
import { DurationHistogram } from '../../../lib/queue/log/duration-histogram.js';

const LONGEST = 2 ** 31 - 1;
/** 3.1 %, and half a millisecond of rounding. */
const within = (value: number): number => value / 32 + 0.5;

describe('DurationHistogram', () => {
  it('tells each duration below 16 ms exactly', () => {
    for (let value = 0; value < 16; value += 1) {
      const histogram = new DurationHistogram();
      histogram.add(value);
      expect(histogram.quantile(0.5)).toBe(value);
    }
  });

  it('tells any other one to 3.1 %', () => {
    for (let value = 16; value <= LONGEST; value = Math.ceil(value * 1.01)) {
      const histogram = new DurationHistogram();
      histogram.add(value);
      expect(Math.abs((histogram.quantile(0.5) ?? 0) - value)).toBeLessThanOrEqual(within(value));
    }
  });

  it('takes what is no duration for none, and what is too long for the longest', () => {
    const histogram = new DurationHistogram();
    for (const value of [-5, NaN, Infinity, 2 ** 40]) histogram.add(value);
    expect(histogram.quantile(0.25)).toBe(0);
    expect(histogram.quantile(0.5)).toBe(0);
    expect(histogram.quantile(1)).toBeGreaterThan(LONGEST * 0.96);
  });

  it('has the percentiles of all, of however many it was merged', () => {
    const parts = [new DurationHistogram(), new DurationHistogram(), new DurationHistogram()];
    for (let value = 1; value <= 3_000; value += 1) parts[value % 3]?.add(value);
    const all = new DurationHistogram();
    for (const part of parts) all.merge(part.toStored());
    expect(Math.abs((all.quantile(0.5) ?? 0) - 1_500)).toBeLessThanOrEqual(within(1_500));
    expect(Math.abs((all.quantile(0.95) ?? 0) - 2_850)).toBeLessThanOrEqual(within(2_850));
  });

  it('has none where there is nothing, also when it was cleared', () => {
    const histogram = new DurationHistogram();
    expect(histogram.quantile(0.5)).toBeUndefined();
    histogram.add(5);
    histogram.clear();
    expect(histogram.isEmpty).toBe(true);
    expect(histogram.toStored()).toEqual([]);
  });

  it('leaves out buckets of another version', () => {
    const histogram = new DurationHistogram();
    histogram.merge([5, 1, 100_000, 7]);
    expect(histogram.toStored()).toEqual([5, 1]);
  });
});
