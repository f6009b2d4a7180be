import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RetryPolicy, type RetryOptions } from '../../lib/task/retry-policy.js';
import { TasksConfigError } from '../../lib/task/task-errors.js';

const policy = (options?: RetryOptions): RetryPolicy => RetryPolicy.of(options, '@Durable().retry');
const delays = (options: RetryOptions, count = 5): number[] =>
  Array.from({ length: count }, (_, index) => policy({ attempts: Infinity, ...options }).delayAfter(index + 1));

afterEach(() => void jest.restoreAllMocks());

describe('attempts', () => {
  it('are one where nothing is said', () => {
    expect(policy().allows(1, new Error('bad'))).toBe(false);
    expect(policy({}).allows(1, new Error('bad'))).toBe(false);
  });

  it('are counted in all', () => {
    const three = policy({ attempts: 3 });
    expect([1, 2, 3, 4].map((attempt) => three.allows(attempt, new Error('bad')))).toEqual([true, true, false, false]);
    expect(policy({ attempts: Infinity }).allows(1_000_000, new Error('bad'))).toBe(true);
  });

  it('go on as long as retryOn is for it', () => {
    const seen: unknown[] = [];
    const picky = policy({ attempts: 3, retryOn: (error) => seen.push(error) < 2 });
    expect([picky.allows(1, 'a'), picky.allows(1, 'b'), picky.allows(3, 'c')]).toEqual([true, false, false]);
    expect(seen).toEqual(['a', 'b']); // it is not asked when no attempt is left
  });

  it('leave to the caller what retryOn throws', () => {
    const broken = policy({
      attempts: 2,
      retryOn: () => {
        throw new Error('broken');
      },
    });
    expect(() => broken.allows(1, 'a')).toThrow('broken');
  });
});

describe('delays', () => {
  it('are one second that doubles, up to five minutes', () => {
    expect(delays({}, 12)).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000, 300_000,
    ]);
  });

  it('may be fixed', () => {
    expect(delays({ delay: '2s', backoff: 'fixed' })).toEqual([2_000, 2_000, 2_000, 2_000, 2_000]);
  });

  it('are never longer than maxDelay, the first one neither', () => {
    expect(delays({ delay: '1m', maxDelay: '10s' })).toEqual([10_000, 10_000, 10_000, 10_000, 10_000]);
    expect(delays({ delay: '1m', maxDelay: '10s', backoff: 'fixed' }, 1)).toEqual([10_000]);
    expect(delays({ delay: 1_000, maxDelay: 5_000 })).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  it('may be none, after any number of attempts', () => {
    expect(delays({ delay: 0 })).toEqual([0, 0, 0, 0, 0]);
    const endless = policy({ attempts: Infinity, delay: 0 });
    expect([1_024, 1_025, 5_000].map((attempt) => endless.delayAfter(attempt))).toEqual([0, 0, 0]);
  });

  it('stay at maxDelay after any number of attempts', () => {
    const endless = policy({ attempts: Infinity, delay: 1, maxDelay: 70 });
    expect([1_024, 1_025, 5_000].map((attempt) => endless.delayAfter(attempt))).toEqual([70, 70, 70]);
  });

  it.each([
    [0, [1_000, 1_000, 1_000]],
    [false, [1_000, 1_000, 1_000]],
    [0.5, [1_000, 750, 505]],
    [1, [1_000, 500, 10]],
    [true, [1_000, 500, 10]],
  ])('leave a share to chance: %p', (jitter, expected) => {
    const jittered = policy({ attempts: 2, delay: 1_000, jitter });
    const actual = [0, 0.5, 0.99].map((chance) => {
      jest.spyOn(Math, 'random').mockReturnValue(chance);
      return jittered.delayAfter(1);
    });
    expect(actual).toEqual(expected);
  });

  it('are whole milliseconds', () => {
    for (let round = 0; round < 50; round += 1) {
      const delay = policy({ attempts: 2, delay: 100, jitter: true }).delayAfter(1);
      expect(Number.isInteger(delay)).toBe(true);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(100);
    }
  });
});

describe('options', () => {
  const REFUSED: readonly (readonly [option: string, options: unknown])[] = [
    ['', null],
    ['', 3],
    ['.attempts', { attempts: 0 }],
    ['.attempts', { attempts: -1 }],
    ['.attempts', { attempts: 1.5 }],
    ['.attempts', { attempts: Number.NaN }],
    ['.attempts', { attempts: '3' }],
    ['.delay', { delay: -1 }],
    ['.delay', { delay: 'soon' }],
    ['.maxDelay', { maxDelay: 'late' }],
    ['.backoff', { backoff: 'linear' }],
    ['.jitter', { jitter: 1.1 }],
    ['.jitter', { jitter: -0.1 }],
    ['.jitter', { jitter: Number.NaN }],
    ['.jitter', { jitter: 'full' }],
    ['.retryOn', { retryOn: 'always' }],
    ['.retryOn', { retryOn: null }],
  ];

  it.each(REFUSED)('are refused by name: retry%s %p', (option, options) => {
    const make = (): unknown => policy(options as RetryOptions);
    expect(make).toThrow(TasksConfigError);
    expect(make).toThrow(`@Durable().retry${option} is `);
  });

  it('may be undefined', () => {
    expect(policy({ attempts: undefined, delay: undefined, jitter: undefined, retryOn: undefined }).attempts).toBe(1);
  });
});
