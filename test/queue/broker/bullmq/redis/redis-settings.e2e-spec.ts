import { randomBytes } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { Redis, type RedisOptions } from 'ioredis';
import { BrokerUnavailableError, TasksConfigError, type TaskQueueOptions } from 'nestjs-tasks';
import { inspect } from 'node:util';
import { brokerSpace, SHARED_BROKERS } from '../../../../support/brokers.js';
import { connect, failureOf, open, runOne } from '../../connected.js';

jest.setTimeout(60_000);

describe.each(SHARED_BROKERS.filter(({ label }) => label === 'redis'))('a connection to $label', (kind) => {
  const space = brokerSpace(kind);
  const { hostname: host, port } = new URL(kind.url);
  const address = { host, port: Number(port || 6379) };
  const options = (connection: unknown): TaskQueueOptions => ({
    connection,
    prefix: space.prefix,
    name: space.newQueue(),
  });
  const client = (settings: RedisOptions): Redis => {
    const own = new Redis({ ...address, ...settings });
    own.on('error', () => {});
    open.push({ close: () => own.disconnect() });
    return own;
  };

  const SETTINGS: RedisOptions[] = [
    { enableOfflineQueue: false },
    { commandTimeout: 1 },
    { enableAutoPipelining: true },
    { stringNumbers: true },
    { maxRetriesPerRequest: 1 },
    { enableReadyCheck: false },
    { socketTimeout: 1 },
    { autoResubscribe: false, autoResendUnfulfilledCommands: false },
    { lazyConnect: true, readOnly: true },
  ];

  it.each(SETTINGS)('works whatever the application has for its other uses: %p', async (settings) => {
    expect(await runOne(connect(options({ ...address, ...settings })))).toBe('[2]');
    expect(await runOne(connect(options(client(settings))))).toBe('[2]');
  });

  it('keeps its keys under the prefix of the queue, whatever the keyPrefix of a client', async () => {
    const cache = client({ keyPrefix: 'cache:' });
    expect(await runOne(connect(options(cache)))).toBe('[2]');
    expect(cache.options.keyPrefix).toBe('cache:');
    const plain = client({});
    expect(await plain.keys(`cache:${space.prefix}*`)).toEqual([]);
    expect(await plain.keys(`${space.prefix}*`)).not.toEqual([]);
  });

  it.each([
    ['a database that there is not', (url: URL) => (url.pathname = '/99'), 'a database number of the server'],
    ['a user that there is not', (url: URL) => (url.username = 'nobody'), 'the user and password of the server'],
  ])('stops the boot with %s, without a password', async (_what, change, remedy) => {
    const url = new URL(kind.url);
    url.password = 'canary-password';
    change(url);
    const error = await failureOf({ url: url.href, prefix: space.prefix, name: space.newQueue() });
    expect(error).toBeInstanceOf(TasksConfigError);
    expect((error as TasksConfigError).option).toBe('queue.url');
    expect((error as Error).message).toContain(remedy);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('canary');
  });

  describe('as a user', () => {
    /** Lets somebody in who may do what the rules say. */
    async function userWith(...rules: string[]): Promise<RedisOptions> {
      const username = `u_${randomBytes(5).toString('hex')}`;
      const admin = client({});
      await admin.call('ACL', 'SETUSER', username, 'on', '>canary-password', ...rules);
      open.unshift({ close: () => admin.call('ACL', 'DELUSER', username) });
      return { ...address, username, password: 'canary-password' };
    }

    it('without INFO, as managed servers have it, works', async () => {
      const user = await userWith('~*', '&*', '+@all', '-@dangerous');
      expect(await runOne(connect(options(user)))).toBe('[2]');
    });

    it('with no more than the rights in the docs works', async () => {
      const { prefix } = space;
      const user = await userWith(`~${prefix}:*`, 'resetchannels', `&${prefix}:*`, '+@all', '-@admin', '-@dangerous');
      expect(await runOne(connect(options(user)))).toBe('[2]');
    });

    it.each([
      ['keys', ['~other:*', '&*', '+@all']],
      ['channels', ['~*', 'resetchannels', '+@all']],
      ['scripts', ['~*', '&*', '+@all', '-@scripting']],
    ])('without %s is told so at boot', async (_what, rules) => {
      const error = await failureOf(options(await userWith(...rules)));
      expect(error).toBeInstanceOf(TasksConfigError);
      expect((error as Error).message).toMatch(/^queue\.connection is .*rights in docs\/brokers\.md.*NOPERM/);
    });

    it('with a wrong password is told so at boot, and never its password', async () => {
      const user = await userWith('~*', '&*', '+@all');
      const error = await failureOf(options({ ...user, password: 'canary-wrong' }));
      expect(error).toBeInstanceOf(TasksConfigError);
      expect((error as Error).message).toContain('WRONGPASS');
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('canary');
    });

    it('that loses its rights later fails its calls without the data of a job', async () => {
      const user = await userWith('~*', '&*', '+@all');
      const broker = connect(options(user));
      await broker.connect();
      await client({}).call('ACL', 'SETUSER', String(user.username), '-evalsha', '-eval');
      const execution = { key: undefined, name: 't', args: '["canary-argument"]', priority: 0, when: undefined };
      const error = await broker.executions.add([execution]).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TasksConfigError);
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('canary');
    });
  });

  it('is tried again where a host is not there, rather than taken for a wrong setting', async () => {
    expect(await failureOf(options({ host, port: 1 }))).toBeInstanceOf(BrokerUnavailableError);
  });
});
