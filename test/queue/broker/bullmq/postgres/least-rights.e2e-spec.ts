import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import {
  ConcurrencyLimit,
  Cooldown,
  Debounce,
  Durable,
  Perpetual,
  RateLimit,
  TaskContext,
  TaskQueue,
} from 'nestjs-tasks';
import { Client } from 'pg';
import { SHARED_BROKERS } from '../../../../support/brokers.js';
import { startContext } from '../../../../support/context.js';
import { until } from '../../../../support/until.js';
import { REDIS_PROGRAM, RedisServer } from '../../../faults/redis-server.js';

jest.setTimeout(60_000);

const GUIDE = readFileSync(join(import.meta.dirname, '../../../../../docs/security.md'), 'utf8');
const DEFAULT_PREFIX = 'nestjs_tasks';
const PASSWORD = 's3cr3t';

/** The statements of the guide's block in that language, with a password, a role and a prefix of the test's. */
function statementsOf(language: string, role: string, prefix: string, end: string): string[] {
  const [, block = ''] = new RegExp(`\`\`\`${language}\n([^\`]*)\`\`\``).exec(GUIDE) ?? [];
  const own = block
    .replace(/(?<=[>'])PASSWORD/, PASSWORD)
    .replaceAll(DEFAULT_PREFIX, prefix)
    .replace(/\bshop\b/g, role);
  return own
    .split(end)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

@Injectable()
class Jobs {
  readonly seen: string[] = [];

  constructor(private readonly context: TaskContext) {}

  @Durable('rights.note', { retry: { attempts: 2, delay: 10 } })
  async note(what: string): Promise<string> {
    if (this.context.attempt === 1) throw new Error('once');
    await this.context.progress.message(what);
    this.seen.push(what);
    return what;
  }

  @Durable('rights.limited')
  limited(@ConcurrencyLimit(1) what: string): string {
    return what;
  }

  @Durable('rights.windows')
  windows(@RateLimit(5, { per: '1s' }) @Cooldown(10) what: string): string {
    return what;
  }

  @Durable('rights.debounced')
  debounced(@Debounce(20) what: string): string {
    return what;
  }

  @Durable('rights.hold')
  async hold(): Promise<void> {
    await new Promise((_resolve, reject) => {
      this.context.signal.addEventListener('abort', () => reject(new Error('stopped')));
    });
  }

  @Perpetual({ every: 50, automatic: true })
  tick(): void {
    this.seen.push('tick');
  }
}

/** Whatever the library asks a broker for. */
async function useEverything(url: string, prefix: string, migrate = true): Promise<void> {
  const queueOptions = { url, prefix, migrate, name: 'rights', worker: { lease: 1_000 } };
  await using test = await startContext({ queue: queueOptions }, { providers: [Jobs] });
  const queue = test.context.get(TaskQueue);
  const jobs = test.context.get(Jobs);
  const noted = await queue.add(jobs.note, { key: 'noted' })('noted');
  expect(await noted.result({ timeout: '10s' })).toBe('noted');
  const all = await Promise.all(['a', 'a', 'b'].map((what) => queue.add(jobs.limited)(what)));
  const after = await queue.after(all).add(jobs.note)('followed');
  expect(await after.result({ timeout: '10s' })).toBe('followed');
  expect(await (await queue.add(jobs.windows)('w')).result({ timeout: '10s' })).toBe('w');
  expect(await (await queue.add(jobs.debounced)('d')).result({ timeout: '10s' })).toBe('d');
  await queue.replace(jobs.note, { key: 'later', when: '1h' })('x');
  await queue.replace(jobs.note, { key: 'later', when: '2h' })('y');
  expect(await queue.cancel('later', 'enough')).toBe('cancelled');
  await queue.strike(jobs.note, 'what', '==', 'struck', { mode: 'hold' });
  const held = await queue.add(jobs.note)('struck');
  expect(await queue.restore(jobs.note, 'what', '==', 'struck')).toBe(true);
  expect(await held.result({ timeout: '10s' })).toBe('struck');
  const running = await queue.add(jobs.hold, { key: 'running' })();
  await until(async () => (await running.refresh()).state === 'running', 'it to run');
  expect(await running.cancel()).toBe('signalled');
  await expect(running.result({ timeout: '10s' })).rejects.toMatchObject({ code: 'EXECUTION_CANCELLED' });
  await until(() => jobs.seen.includes('tick'), 'the automatic task to run');
  expect((await queue.workers()).length).toBe(1);
  expect(await queue.limits()).toBeDefined();
  await queue.add(jobs.note, { when: '1h' })('cleared');
  expect(await queue.clear()).toBeGreaterThan(0);
  expect(test.logs.matching('Broker unreachable')).toEqual([]);
}

const describeOn = (label: string): typeof describe | typeof describe.skip =>
  SHARED_BROKERS.some((kind) => kind.label === label) ? describe : describe.skip;

(REDIS_PROGRAM === undefined ? describe.skip : describe)('the Redis user of docs/security.md', () => {
  const prefix = 'shop_tasks';
  let server: RedisServer;
  let admin: Redis;

  beforeAll(async () => {
    server = await new RedisServer().start();
    admin = new Redis(server.url);
    const [statement = ''] = statementsOf('text', 'shop', prefix, '\n');
    const [command = '', ...args] = statement.split(' ');
    await admin.call(command, ...args);
  });

  afterAll(async () => {
    admin.disconnect();
    await server[Symbol.asyncDispose]();
  });

  it('may do what the library does', async () => {
    await expect(useEverything(server.url.replace('//', `//shop:${PASSWORD}@`), prefix)).resolves.toBeUndefined();
    const denials = (await admin.call('ACL', 'LOG')) as unknown[];
    expect(denials).toEqual([]);
  });

  it.each([
    ['read keys of others', 'GET', 'other'],
    ['write keys of others', 'SET', 'other', '1'],
    ['listen to others', 'SUBSCRIBE', 'other'],
    ['list all keys', 'KEYS', '*'],
    ['delete everything', 'FLUSHALL'],
    ['change the server', 'CONFIG', 'SET', 'save', ''],
    ['see other clients', 'CLIENT', 'LIST'],
    ['load functions for others', 'FUNCTION', 'FLUSH'],
  ])('may not %s', async (_what, command, ...args) => {
    const client = new Redis(server.url.replace('//', `//shop:${PASSWORD}@`));
    await expect(client.call(command, ...args)).rejects.toThrow(/NOPERM/);
    client.disconnect();
  });
});

describeOn('postgres')('the PostgreSQL role of docs/security.md', () => {
  const suffix = randomBytes(4).toString('hex');
  const prefix = `rights_${suffix}`;
  const role = `shop_${suffix}`;
  let owner: Client;
  let url: URL;

  beforeAll(async () => {
    url = new URL(process.env['TASKS_TEST_POSTGRES_URL'] ?? '');
    owner = new Client({ connectionString: url.href });
    await owner.connect();
    // The deploy step.
    const queue = { url: url.href, prefix, name: 'rights', worker: false } as const;
    const deploy = await startContext({ queue });
    await deploy.context.get(TaskQueue).clear();
    await deploy[Symbol.asyncDispose]();
    const statements = statementsOf('sql', role, prefix, ';').map((statement) =>
      statement.replace('DATABASE app', `DATABASE "${url.pathname.slice(1)}"`),
    );
    if (statements.length !== 7) throw new Error(`The guide has ${statements.length} statements`);
    for (const statement of statements) await owner.query(statement);
  });

  afterAll(async () => {
    await owner.query(`DROP SCHEMA "${prefix}" CASCADE`);
    await owner.query(`DROP OWNED BY ${role}`);
    await owner.query(`DROP ROLE ${role}`);
    await owner.end();
  });

  function urlOfRole(): string {
    const own = new URL(url);
    own.username = role;
    own.password = PASSWORD;
    return own.href;
  }

  it('may do what the library does', async () => {
    await expect(useEverything(urlOfRole(), prefix, false)).resolves.toBeUndefined();
  });

  it.each([
    ['make schemas', 'CREATE SCHEMA mine'],
    ['change the schema', `CREATE TABLE ${prefix}.mine (id int)`],
    ['drop its tables', `DROP TABLE ${prefix}.job`],
    ['change its tables', `ALTER TABLE ${prefix}.job ADD COLUMN mine int`],
    ['empty its tables at once', `TRUNCATE ${prefix}.job`],
  ])('may not %s', async (_what, statement) => {
    const client = new Client({ connectionString: urlOfRole() });
    await client.connect();
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
    await client.end();
  });
});
