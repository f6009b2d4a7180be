import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BrokerUnavailableError, TasksConfigError } from 'nestjs-tasks';
import { Client, types } from 'pg';
import { SHARED_BROKERS } from '../../../../support/brokers.js';
import { connect, failureOf, runOne } from '../../connected.js';

jest.setTimeout(60_000);

describe.each(SHARED_BROKERS.filter(({ label }) => label === 'postgres'))('a connection to $label', (kind) => {
  const id = `s_${randomBytes(5).toString('hex')}`;
  const database = `${id}_db`;
  const roles: string[] = [];
  /** In a database of its own: roles have rights on databases. */
  let admin: Client;
  let server: Client;

  const urlOf = (change: (url: URL) => void = () => {}): string => {
    const url = new URL(kind.url);
    url.pathname = `/${database}`;
    change(url);
    return url.href;
  };

  beforeAll(async () => {
    server = new Client(kind.url);
    await server.connect();
    await server.query(`CREATE DATABASE ${database}`);
    admin = new Client(urlOf());
    await admin.connect();
    await connect({ url: urlOf(), prefix: 'ready' }).connect();
  });

  afterAll(async () => {
    await admin.end();
    await server.query(`DROP DATABASE ${database} WITH (FORCE)`);
    for (const name of roles) await server.query(`DROP ROLE ${name}`);
    await server.end();
  });

  /** @returns the url of a role that may log in, and what else `sql` gives it, of `$role`. */
  async function roleWith(...sql: string[]): Promise<string> {
    const name = `${id}_r${roles.length}`;
    await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD 'canary-password'`);
    roles.push(name);
    for (const text of sql) await admin.query(text.replaceAll('$role', name));
    return urlOf((url) => {
      url.username = name;
      url.password = 'canary-password';
    });
  }

  const TABLES = 'SELECT 1 FROM pg_class WHERE relname LIKE $1';
  const USE = [
    'GRANT USAGE ON SCHEMA ready TO $role',
    'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ready TO $role',
    'GRANT USAGE ON ALL SEQUENCES IN SCHEMA ready TO $role',
  ];

  it.each([
    ["default_transaction_isolation = 'serializable'"],
    ["default_transaction_isolation = 'repeatable read'"],
    ['statement_timeout = 1'],
    ['lock_timeout = 1'],
    ["search_path = 'elsewhere'"],
  ])('works, and sets itself up, where the role has %s', async (setting) => {
    const url = await roleWith(`GRANT CREATE ON DATABASE ${database} TO $role`, `ALTER ROLE $role SET ${setting}`);
    expect(await runOne(connect({ url, prefix: `p${roles.length}` }))).toBe('[2]');
  });

  it('works where the url asks for limits of its own', async () => {
    const url = `${urlOf()}?statement_timeout=1&lock_timeout=1&options=-c%20statement_timeout%3D1`;
    expect(await runOne(connect({ url, prefix: 'ready' }))).toBe('[2]');
  });

  it("works whatever the application's type parsers are", async () => {
    const changed = [16, 20, 23, 25, 114, 1009, 1016, 1184, 3802];
    const parsers = changed.map((oid) => [oid, types.getTypeParser(oid)] as const);
    try {
      for (const oid of changed) types.setTypeParser(oid, () => 'not for the queue');
      expect(await runOne(connect({ url: urlOf(), prefix: 'ready' }))).toBe('[2]');
      expect(await runOne(connect({ url: urlOf(), prefix: 'parsers' }))).toBe('[2]');
    } finally {
      for (const [oid, parser] of parsers) types.setTypeParser(oid, parser);
    }
  });

  it('works with a pool of one', async () => {
    expect(await runOne(connect({ connection: { connectionString: urlOf(), max: 1 }, prefix: 'ready' }))).toBe('[2]');
  });

  it.each([true, false])('needs no right to create where the schema is there: migrate %p', async (migrate) => {
    const url = await roleWith(...USE);
    expect(await runOne(connect({ url, prefix: 'ready', migrate }))).toBe('[2]');
  });

  it('needs no right on the database to set up a schema that the role owns', async () => {
    const url = await roleWith('CREATE SCHEMA owned AUTHORIZATION $role');
    expect(await runOne(connect({ url, prefix: 'owned' }))).toBe('[2]');
  });

  it('sets a schema up once, though many start at once', async () => {
    const brokers = Array.from({ length: 4 }, (_, at) => connect({ url: urlOf(), prefix: 'many', name: `q${at}` }));
    await Promise.all(brokers.map((broker) => broker.connect()));
    expect(await Promise.all(brokers.map((broker) => runOne(broker)))).toEqual(['[2]', '[2]', '[2]', '[2]']);
  });

  it.each([
    ['no right to create', 'nowhere', true, 'queue.migrate', 'may create and own the schema nowhere'],
    ['no right on the schema', 'ready', true, 'queue.migrate', 'may create and own the schema ready'],
    ['no right on the schema, and no migration', 'ready', false, 'queue.migrate', 'may use the schema ready'],
  ])('stops the boot with %s', async (_what, prefix, migrate, option, remedy) => {
    const error = await failureOf({ url: await roleWith(), prefix, migrate });
    expect(error).toBeInstanceOf(TasksConfigError);
    expect(error).toMatchObject({ option, message: expect.stringContaining(remedy) });
    expect((error as Error).message).not.toContain('canary');
    expect((await admin.query("SELECT 1 FROM pg_namespace WHERE nspname = 'nowhere'")).rowCount).toBe(0);
  });

  it.each([
    ['a missing database', (url: URL) => (url.pathname = `/${id}_none`), 'create it first'],
    ['an unknown role', (url: URL) => (url.username = `${id}_nobody`), 'pg_hba.conf|password of a role'],
    ['TLS that the server does not have', (url: URL) => url.searchParams.set('sslmode', 'require'), 'TLS'],
  ])('stops the boot with %s', async (what, change, remedy) => {
    const { rows } = await admin.query<{ ssl: string }>("SELECT current_setting('ssl') AS ssl");
    if (what.startsWith('TLS') && rows[0]?.ssl === 'on') return;
    const error = await failureOf({ url: urlOf(change), prefix: 'ready' });
    expect(error).toBeInstanceOf(TasksConfigError);
    expect((error as TasksConfigError).option).toBe('queue.url');
    expect((error as Error).message).toMatch(new RegExp(remedy));
  });

  it('is tried again where a host is not there, rather than taken for a wrong setting', async () => {
    const url = urlOf((given) => (given.port = '1'));
    expect(await failureOf({ url, prefix: 'ready' })).toBeInstanceOf(BrokerUnavailableError);
  });

  it('leaves nothing of ours outside of its schema', async () => {
    const { rowCount } = await admin.query(`${TABLES} AND relnamespace = 'public'::regnamespace`, ['nestjs_tasks%']);
    expect(rowCount).toBe(0);
  });
});
