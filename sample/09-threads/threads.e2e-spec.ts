import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runSample } from '../../test/support/run-sample.js';

// The built sample: a thread loads JavaScript.
const MAIN = join(import.meta.dirname, '../dist/09-threads/main.js');

describe('09-threads', () => {
  let stdout: string;
  let stderr: string;
  let code: number;

  beforeAll(async () => {
    ({ stdout, stderr, code } = await runSample(MAIN, { ...process.env, NO_COLOR: '1' }));
  }, 60_000);

  /** What was printed under a heading. */
  const scene = (heading: string): string => stdout.split(`\n${heading}\n`)[1]?.split('\n\n')[0] ?? '';

  /** How often others were answered, and how long they waited at most, in milliseconds. */
  const pingsOf = (heading: string): { count: number; slowest: number } => {
    const [, count, slowest] = /pings answered meanwhile: (\d+), the slowest after (\d+) ms/.exec(scene(heading)) ?? [];
    return { count: Number(count), slowest: Number(slowest) };
  };

  it('counts the same in threads as on the event loop', () => {
    for (const heading of ['On the event loop', 'In threads']) {
      expect(scene(heading)).toMatch(/4 counts took \d+ ms: there are 56543 primes below 700000\n/);
    }
  });

  it('answers others while threads count, and not while the event loop does', () => {
    const [onLoop, inThreads] = [pingsOf('On the event loop'), pingsOf('In threads')];
    expect(inThreads.count).toBeGreaterThan(3 * onLoop.count);
    expect(inThreads.slowest).toBeLessThan(onLoop.slowest);
  });

  it('is warned of the task that holds the event loop, once', () => {
    expect(stdout.match(/Task countPrimes#\d+ blocked the event loop, and every request, for \d+ ms/g)).toHaveLength(1);
    expect(scene('In threads')).not.toContain('blocked the event loop');
  });

  it('kills a thread whose time is over, and ends by itself', () => {
    expect(scene('In a thread, too many for its timeout')).toMatch(/answered after [5-9]\d\d\d ms: 503, .*has failed/);
    expect(stderr).toMatch(/Task countPrimes#\d+ failed: .* ran longer than its timeout of 5000 ms/);
    expect(stdout).toMatch(/\nThe application is closed, and its threads have ended\.\n$/);
    expect(code).toBe(0);
  });
});
