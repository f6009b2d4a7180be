import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runSample } from '../../test/support/run-sample.js';

const MAIN = join(import.meta.dirname, '../dist/07-patterns/main.js');

describe('07-patterns in memory', () => {
  let stdout: string;
  let stderr: string;
  let code: number;

  beforeAll(async () => {
    const { REDIS_URL: _redis, POSTGRES_URL: _postgres, ...environment } = process.env;
    ({ stdout, stderr, code } = await runSample(MAIN, environment));
  }, 60_000);

  /** What a scene has printed. */
  const scene = (title: string): string => {
    const found = stdout.split('\n\n').find((part) => part.startsWith(`   ${title}`));
    expect([title, found]).toEqual([title, expect.any(String)]);
    return found ?? '';
  };

  it('plays all scenes, and ends by itself', () => {
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Patterns, in memory\n/);
    expect(stdout).toMatch(/\nAll 30 scenes were played\. \(\d+ s\)\n$/);
    expect(code).toBe(0);
  });

  it.each<[title: string, ...lines: (string | RegExp)[]]>([
    ['Basic: a health check', 'added once, it has run 5 times', "under its key: 'already-scheduled'"],
    ['Automatic startup', 'called 0 times, and it has run 3 times', "'records.cleanup'"],
    ['Self-cancelling', 'seen: pending, rolling out, rolling out, completed', "completed, with the result 'v42 has"],
    ['Dynamic parameters', 'run 3 of /users: 40 a minute, at a load of 0.3', 'run 5 of /users: 50 a minute'],
    ['Error resilience', '2 attempts were repeated, 1 run has failed, and the chain goes on'],
    ['Find & flood', /looks: 4 of 4 added; [01] of /, 'processed: orders 17, 18, 19, 20, 21'],
    ['A whole task', "add() says 'struck'", 'rejects with ExecutionDroppedError', 'orders.process(67890): completed'],
    ['By the value', 'process(1, "high"): dropped', 'process(1, "high"): completed', '0 strikes are left'],
    ['A task and its parameters', '"amount":500}): dropped', '"amount":2000}): dropped', '"amount":500}): completed'],
    [
      'Hold and restore',
      'parked: struck (payments.process, customerId ==)',
      /struck for 300 ms: payment .* after \d+ ms/,
    ],
    ['A perpetual task skips runs', /0 ran, [1-9]\d* skipped/, 'restored, it goes on'],
    ['Arguments', "process(customerId='12345', card=…, amount=150, traceId='abc-123')", 'card is in 0 of'],
    ['Collections', 'users.update(userIds=[len 150], metadata={len 5}, options={len 3})'],
    ['context.logger', /loading completed \{"task":"pipelines\.run","key":"pipeline:7","attempt":2,"worker":"/],
    ['Built-in tasks', 'trace logs: System startup completed', 'fail fails: Error: Testing', 'sleep(100) took'],
    ['Sequential', /download .*csv → validate .*csv → process .*csv\n/, /exe → reject .*exe/],
    ['Fan-out', 'finalize ran 1 time', 'b: failed, Error: chunk b is damaged', 'c: cancelled', 'd: succeeded, 240'],
    ['Conditional', 'upsell campaign for bob', 'in 30 days: behaviour:cyd is scheduled'],
    ['Basic: 1 per customer', 'at most 1 at once of customer 1001, 3 in all'],
    ['2 per database', 'at most 2 at once in production, 2 in staging'],
    ['5 per service', 'at most 5 at once at salesforce'],
    ['3 per operation', 'at most 3 transcodes at once, and 2 resizes'],
    ['Scopes', 'at most 2 imports and exports at once, and 1 count'],
    ['Multi-level', 'at most 1 at once of user 1, 2 of csv, 2 of pdf, 3 in eu'],
    ['Monitoring', 'by customerId 1001: 1 of 1 (1001:a), 1001:b, 1001:c wait', 'when all have ended: 0 pools'],
    ['Rate limit', /ada 3 at \d+ ms, ada 4 at [1-9]\d\d+ ms/, 'completed, completed, dropped, dropped'],
    ['Cooldown', 'ran: first for acme, attempt 2', 'first: completed', 'second: dropped', 'third: dropped'],
    ['Debounce', 'a row of 4: 4', 'without a pause: 12'],
    ['Agenda', /ada at 0 ms.*eve at (?:[5-9]\d\d|\d{4,}) ms/, 'already-scheduled'],
    ['Progress', 'running, 1 of 3, b.jpg', 'completed, 3 of 3, c.jpg'],
  ])('plays "%s"', (title, ...lines) => {
    const played = scene(title);
    for (const line of lines) expect(played).toMatch(typeof line === 'string' ? RegExp(escape(line)) : line);
  });
});

function escape(literal: string): string {
  return literal.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
}
