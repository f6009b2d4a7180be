import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { Client } from 'pg';
import { openOutboxDatabase, OUTBOXES, outboxUrl, type TestDatabase } from '../support/outbox-databases.js';
import { runCli, type CliRun } from '../support/run-cli.js';

jest.setTimeout(90_000);

const url = process.env['TASKS_TEST_POSTGRES_URL']!;
const redis = process.env['TASKS_TEST_REDIS_URL']!;
const schemas: string[] = [];
const admin = new Client({ connectionString: url });
const connected = admin.connect();

afterEach(async () => {
  for (const schema of schemas.splice(0)) await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
});
afterAll(() => admin.end());

/** Name of a schema that is not there, and is removed after the test. */
async function newSchema(): Promise<string> {
  await connected;
  const schema = `t_${randomBytes(5).toString('hex')}`;
  schemas.push(schema);
  return schema;
}

const on = (schema: string, ...args: readonly string[]): Promise<CliRun> =>
  runCli([...args, '--prefix', schema, '--url', url]);

describe('migrate', () => {
  it('tells what is missing, makes it, and lets other commands go on', async () => {
    const schema = await newSchema();
    const behind = await on(schema, 'migrate', '--status', '--no-outbox');
    expect(behind).toMatchObject({
      stdout: expect.stringContaining(`missing: schema ${schema}\n`),
      stderr: '',
      code: 1,
    });
    const refused = await on(schema, 'stats');
    expect(refused).toMatchObject({ stdout: '', code: 2 });
    expect(refused.stderr).toMatch(
      /^error: PostgreSQL at .* has no tables for this queue.*[^.]\. Run nestjs-tasks migrate\.\n$/,
    );

    expect(await on(schema, 'migrate', '--no-outbox')).toMatchObject({ stderr: '', code: 0 });
    expect(await on(schema, 'migrate', '--status', '--no-outbox', '--json')).toMatchObject({ stderr: '', code: 0 });
    expect(await on(schema, 'stats')).toMatchObject({ stderr: '', code: 0 });
    expect((await on(schema, 'migrate', '--no-outbox')).stdout).toMatch(/: up to date\n$/);
  });

  it('asks before it changes tables that may hold data', async () => {
    const schema = await newSchema();
    await on(schema, 'migrate', '--no-outbox');
    await admin.query(`DROP TABLE ${schema}.nestjs_tasks_note`);
    const status = JSON.parse((await on(schema, 'migrate', '--status', '--no-outbox', '--json')).stdout) as object;
    expect(status).toMatchObject({ isBehind: true, parts: [{ missing: ['table of notes'] }] });
    const asked = await on(schema, 'migrate', '--no-outbox');
    expect(asked).toMatchObject({ stdout: '', code: 64, stderr: expect.stringContaining('--yes') });
    const done = await on(schema, 'migrate', '--no-outbox', '--yes');
    expect(done).toMatchObject({ stdout: expect.stringContaining('made table of notes'), stderr: '', code: 0 });
  });

  it('prints SQL that makes the same, and changes nothing', async () => {
    const schema = await newSchema();
    const { stdout, stderr, code } = await on(schema, 'migrate', '--sql', '--no-outbox');
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toContain('-- Tables and functions of BullMQ, as its runMigrations() makes them.');
    expect((await on(schema, 'migrate', '--status', '--no-outbox')).code).toBe(1);
    await admin.query(stdout);
    expect(await on(schema, 'migrate', '--status', '--no-outbox')).toMatchObject({ stderr: '', code: 0 });
    expect(await on(schema, 'stats')).toMatchObject({ stderr: '', code: 0 });
    expect(await on(schema, 'migrate', '--sql', '--no-outbox')).toMatchObject({ stdout: '', code: 0 });
  });

  it('has nothing to do on Redis', async () => {
    const run = await runCli(['migrate', '--status', '--url', redis]);
    expect(run).toMatchObject({
      stdout: '',
      code: 0,
      stderr: expect.stringMatching(/^Redis at .* needs no migration\.\n$/),
    });
  });
});

/** URL of a database that {@link openOutboxDatabase} has made. */
function urlOf({ kind, address }: TestDatabase): string {
  if (kind === 'sqlite') return `sqlite:${address}`;
  const server = new URL(outboxUrl(kind));
  if (kind === 'mysql') server.pathname = address;
  else server.searchParams.set('options', `-c search_path=${address}`);
  return server.href;
}

describe.each(OUTBOXES)('migrate --outbox-url: %s', (kind) => {
  it('makes the tables of the outbox in the database of the application', async () => {
    await using database = await openOutboxDatabase(kind);
    const args = ['--url', redis, '--outbox-url', urlOf(database)];
    const behind = await runCli(['migrate', '--status', ...args]);
    expect(behind.stdout).toMatch(/missing: table nestjs_tasks_outbox, table nestjs_tasks_relays, table /);
    expect(behind.code).toBe(1);
    const { stdout: sql } = await runCli(['migrate', '--sql', ...args]);
    expect(sql.match(/CREATE TABLE IF NOT EXISTS nestjs_tasks_\w+ \(/g)).toHaveLength(3);
    await expect((async () => database.query('SELECT * FROM nestjs_tasks_relays'))()).rejects.toThrow(
      /nestjs_tasks_relays/,
    );
    expect(await runCli(['migrate', ...args])).toMatchObject({ code: 0 });
    const status = await runCli(['migrate', '--status', ...args]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/: up to date\n$/) });
    expect(await database.query('SELECT * FROM nestjs_tasks_relays')).toEqual([]);
  });
});

describe('a database of the outbox that cannot be used', () => {
  it.each([
    ['postgres://ada:s3cr3t@127.0.0.1:1/app', 'PostgreSQL at 127.0.0.1:1'],
    ['mysql://ada:s3cr3t@127.0.0.1:1/app', 'MySQL at 127.0.0.1:1'],
  ])('is named with its option: %s', async (outbox, server) => {
    const run = await runCli(['migrate', '--status', '--url', redis, '--outbox-url', outbox]);
    expect(run).toMatchObject({ stdout: '', code: 2 });
    expect(run.stderr).toMatch(new RegExp(`error: Cannot reach ${server}: .* Check --outbox-url`));
    expect(run.stderr).not.toContain('s3cr3t');
  });
});
