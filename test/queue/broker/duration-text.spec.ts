import { describe, expect, it } from '@jest/globals';
import { countText, durationText } from '../../../lib/queue/broker/duration-text.js';

describe('durationText()', () => {
  it.each([
    [0, '0ms'],
    [0.4, '0ms'],
    [500, '500ms'],
    [999.6, '1s'],
    [1_500, '1.5s'],
    [2_000, '2s'],
    [60_000, '1m'],
    [90_000, '90s'],
    [61_234, '1m'],
    [3_600_000, '1h'],
    [7_384_123, '2.1h'],
    [86_400_000, '1d'],
  ])('renders %d ms as %s', (milliseconds, text) => {
    expect(durationText(milliseconds)).toBe(text);
  });
});

describe('countText()', () => {
  it('has its noun in the singular or plural', () => {
    expect([0, 1, 2].map((count) => countText(count, 'start'))).toEqual(['0 starts', '1 start', '2 starts']);
  });
});
