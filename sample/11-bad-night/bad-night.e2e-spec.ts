import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runSample } from '../../test/support/run-sample.js';

const MAIN = join(import.meta.dirname, '../dist/11-bad-night/main.js');

describe('11-bad-night', () => {
  let stdout: string;
  let code: number;

  beforeAll(async () => {
    ({ stdout, code } = await runSample(MAIN, { ...process.env, QUEUE_URL: undefined, NO_COLOR: '1' }));
  }, 120_000);

  it('finds all failures in one group, and what happened to one of them', () => {
    expect(stdout).toContain('   500 × orders.hand-over: Error: no answer for order … after … ms\n');
    expect(stdout).toMatch(
      /\n {3}retried: attempt 1 failed: .*\n {3}failed: Error: no answer for order \d+ after 5000 ms\n/,
    );
  });

  it('retries all of them at the pace that was asked for, and ends by itself', () => {
    const [, seconds] = /500 matched, 500 retried, 0 skipped, in (\d+) s/.exec(stdout) ?? [];
    expect(Number(seconds)).toBeGreaterThanOrEqual(9);
    expect(stdout).toContain('failures: 0, orders at the partner: 501\n');
    expect(code).toBe(0);
  });
});
