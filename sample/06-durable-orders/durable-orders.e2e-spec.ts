import { join } from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { runSample, type SampleRun } from '../../test/support/run-sample.js';

jest.setTimeout(30_000);

const DEMO = join(import.meta.dirname, '../dist/06-durable-orders/demo/main.js');
const REDIS_URL = process.env.TASKS_TEST_REDIS_URL ?? '';
const POSTGRES_URL = process.env.TASKS_TEST_POSTGRES_URL ?? '';

function run(environment: Record<string, string>): Promise<SampleRun> {
  const { REDIS_URL: _redis, POSTGRES_URL: _postgres, ...inherited } = process.env;
  return runSample(DEMO, { ...inherited, ...environment });
}

async function keysOnRedis(prefix: string): Promise<string[]> {
  const redis = new Redis(REDIS_URL);
  const keys = await redis.keys(`${prefix}*`);
  redis.disconnect();
  return keys;
}

async function tablesOnPostgres(prefix: string): Promise<unknown[]> {
  const pool = new Pool({ connectionString: POSTGRES_URL });
  const { rows } = await pool.query('SELECT tablename FROM pg_tables WHERE schemaname = $1', [prefix]);
  await pool.end();
  return rows;
}

const DATABASES = [
  ['Redis', { REDIS_URL }, keysOnRedis],
  ['PostgreSQL', { POSTGRES_URL }, tablesOnPostgres],
] as const;

/** Side by side: a demo waits for most of its time. */
let outcomes: Partial<Record<string, Promise<SampleRun>>>;

beforeAll(() => {
  outcomes = Object.fromEntries(DATABASES.map(([label, environment]) => [label, run(environment)]));
});

describe.each(DATABASES)('06-durable-orders on %s', (label, _environment, leftovers) => {
  let stdout: string;
  let stderr: string;
  let code: number;

  beforeAll(async () => {
    ({ stdout, stderr, code } = (await outcomes[label]) as SampleRun);
  }, 120_000);

  it('runs to its end', () => {
    expect(stderr).toBe('');
    expect(stdout).toContain('Nothing was lost.');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Durable orders on ${label} at `));
  });

  it('follows an order from task to task', () => {
    const chain = stdout.split('\n\n').find((chapter) => chapter.includes('orders.ship'));
    expect(chain).toMatch(/orders\.charge .*completed +→ 42 charged\n/);
    expect(chain).toMatch(/orders\.reserve .*running, completed +→ 'Out of Print' reserved in attempt 2\n/);
    expect(chain).toMatch(/orders\.ship .*completed +→ parcel [\da-f-]{36} on its way/);
  });

  it('renders every page in spite of kill -9, and closes the month once', () => {
    expect(stdout).toContain('worker 1 is killed: SIGKILL');
    expect(stdout).toMatch(/Recovered \d+ executions? whose workers? stopped renewing (their leases|its lease)/);
    expect(stdout).toContain('100 of 100 pages are done');
    expect(stdout).toMatch(/ran twice, for worker 1 died in them: pages \d+/);
    expect(stdout).toContain('2026-10 was closed once');
  });

  it('lets a shielded task finish on SIGTERM, and hands the other back', () => {
    const [, afterwards = ''] = stdout.split('worker 2 has ended\n');
    expect(afterwards).toMatch(/orders\.charge +completed +attempt 1\n/);
    expect(afterwards).toMatch(/orders\.reserve +queued +attempt 1\n/);
    expect(afterwards).toMatch(/catalogue\.index +queued +attempt 1, shutdown\n/);
    expect(afterwards).toMatch(/catalogue\.index .*completed +→ catalogue indexed\n/);
  });

  it('leaves nothing behind', async () => {
    const [, prefix = ''] = /, under (\w+)\n/.exec(stdout) ?? [];
    expect(prefix).toMatch(/^durable_orders_[0-9a-f]{8}$/);
    expect(await leftovers(prefix)).toEqual([]);
  });
});

describe('06-durable-orders without a server', () => {
  it.each([
    [{ REDIS_URL: 'redis://127.0.0.1:1' }, /^The Redis of REDIS_URL does not answer\. Start one: docker run .*\n$/],
    [{ POSTGRES_URL: 'postgres://127.0.0.1:1/shop' }, /^PostgreSQL at 127\.0\.0\.1:1 cannot be used .*\n$/],
  ])('says in one line how to get one: %j', async (environment, line) => {
    expect(await run(environment)).toEqual({ stdout: '', stderr: expect.stringMatching(line), code: 1 });
  });
});
