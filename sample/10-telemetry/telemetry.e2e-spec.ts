import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runSample } from '../../test/support/run-sample.js';

const MAIN = join(import.meta.dirname, '../dist/10-telemetry/main.js');

describe('10-telemetry', () => {
  let stdout: string;
  let stderr: string;
  let code: number;

  beforeAll(async () => {
    ({ stdout, stderr, code } = await runSample(MAIN));
  }, 30_000);

  /** The lines under a title, without their bars. */
  const under = (title: string): string[] => {
    const part = stdout.split(/\n(?=\S)/).find((each) => each.startsWith(title));
    expect([title, part]).toEqual([title, expect.any(String)]);
    return (part ?? '')
      .split('\n')
      .slice(1)
      .map((line) => line.replace(/ *█+/, '').trim())
      .filter((line) => line !== '');
  };

  it('plays to its end', () => {
    expect([stderr, code]).toEqual(['', 0]);
  });

  it('gives each task a trace of its own, linked to the request, with its baggage', () => {
    expect(under('An order: ').toSorted()).toEqual(
      [
        'POST /orders/17',
        'immediate charge succeeded (returned); linked to POST /orders/17',
        '└ PUT bank for acme',
        'afterRoute audit succeeded (returned); linked to POST /orders/17',
        '└ INSERT audit for acme',
        'afterResponse sendReceipt failed (threw); exception, retried, retrySucceeded; linked to POST /orders/17',
        '└ SEND mail for acme',
        '└ SEND mail for acme',
      ].toSorted(),
    );
  });

  it('gives discarded tasks a span, too', () => {
    expect(under('An order that fails').toSorted()).toEqual([
      'POST /orders/sold-out',
      'afterResponse sendReceipt discarded (route failed); linked to POST /orders/sold-out',
      'afterRoute audit discarded (route failed); linked to POST /orders/sold-out',
    ]);
  });

  it('measures them', () => {
    expect(under('Metrics')).toEqual(
      expect.arrayContaining([
        'tasks.active of charge, immediate, default: 0',
        'tasks.duration of sendReceipt, afterResponse, default, failed: 1 measured',
        'tasks.discarded of audit, afterRoute, default, route failed: 1',
      ]),
    );
  });

  it('is healthy until shutdown begins', () => {
    expect(under('Health')).toEqual([
      expect.stringMatching(/^an order is charged: 200: up, \d running, charge#\d+ for \d+ ms$/),
      expect.stringMatching(
        /^and shutdown begins: 503: down \(shutdown has begun\), \d running, charge#\d+ for \d+ ms$/,
      ),
    ]);
  });

  it('hears of all of it on the diagnostics channel', () => {
    expect(under('Heard')[0]).toMatch(/^scheduled 8, started 6, .*discarded 2/);
  });
});
