import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { BrokerUnavailableError, TasksConfigError } from 'nestjs-tasks';
import { Pool } from 'pg';
import { driverError } from '../../../lib/queue/broker/driver-error.js';
import { everythingOf } from '../../support/everything-of.js';

const SECRET = 's3cr3t/P@ss w0rd';
const ENCODED = encodeURIComponent(SECRET);

describe('the error of a driver', () => {
  it('keeps its name, message, code and frames, and nothing else', () => {
    const error = Object.assign(new RangeError('bad'), { code: 'E1', detail: SECRET, command: { args: [SECRET] } });
    const copy = driverError(Object.assign(error, { cause: new Error(SECRET) }));
    expect(copy).toMatchObject({ name: 'RangeError', message: 'bad', code: 'E1' });
    expect(copy.stack).toMatch(/^RangeError: bad\n {4}at .*driver-error\.spec/);
    expect(everythingOf(copy)).not.toContain('s3cr3t');
  });

  it.each([[7], ['text'], [undefined], [null], [{ message: SECRET }]])('is one whatever was thrown: %p', (thrown) => {
    const copy = driverError(thrown);
    expect(copy).toBeInstanceOf(Error);
    expect(everythingOf(copy)).not.toContain('s3cr3t');
  });

  it('has the message of the first address, where a host has several', () => {
    const error = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('other')], '');
    expect(driverError(Object.assign(error, { code: 'ECONNREFUSED' }))).toMatchObject({
      message: 'connect ECONNREFUSED ::1:1',
      code: 'ECONNREFUSED',
    });
  });

  it('is as it is, where it is of the library', () => {
    const error = new TasksConfigError('queue.migrate', false, 'true');
    expect(driverError(error)).toBe(error);
  });

  it.each<[string, unknown]>([
    ['a url', `redis://alice:${ENCODED}@h:1`],
    ['a url that cannot be read', `redis://alice:${SECRET}@h:1`],
    ['the query of a url', `postgres://h/db?user=u&password=${ENCODED}`],
    ['an object', { host: 'h', password: SECRET }],
    ['an object with a url', { connectionString: `postgres://u:${ENCODED}@h/db` }],
    ['sentinels', { sentinels: [{ host: 'h' }], sentinelPassword: SECRET }],
    ['tls', { tls: { passphrase: SECRET } }],
    ['a client', new Redis({ lazyConnect: true, password: SECRET })],
    ['a pool', new Pool({ password: SECRET })],
  ])('does not repeat a password: %s', (_what, connection) => {
    for (const shown of [SECRET, ENCODED]) {
      const copy = driverError(new Error(`no entry with '${shown}' for alice`), connection);
      expect(copy.message).toMatch(/^no entry with '[^']*…[^']*' for alice$/);
      expect(everythingOf(copy)).not.toContain(shown);
    }
  });

  it('does not repeat arguments of a command', () => {
    const unknown = "ERR unknown command 'auth', with args beginning with: 'alice' 's3cr3t'";
    expect(driverError(new Error(unknown)).message).toBe("ERR unknown command 'auth'");
    const command = { name: 'set', args: ['key-of-ada', Buffer.from('x'), 7] };
    const error = Object.assign(new Error('WRONGTYPE of key-of-ada'), { command });
    expect(driverError(error).message).toBe('WRONGTYPE of …');
  });

  it('does not repeat a value of a row', () => {
    const error = Object.assign(new Error('invalid input syntax for type bigint: "4111"'), { code: '22P02' });
    expect(driverError(error).message).toBe('invalid input syntax for type bigint: "…"');
  });
});

describe('BrokerUnavailableError', () => {
  it('has no more of its cause than that', () => {
    const cause = Object.assign(new Error(`WRONGPASS ${SECRET}`), { code: 'E', command: { args: [SECRET] } });
    const error = new BrokerUnavailableError('Redis', cause.message, { cause });
    expect(error.message).toMatch(/^Redis is unreachable: WRONGPASS …\. Retrying is safe/);
    expect(error.cause).toMatchObject({ message: 'WRONGPASS …', code: 'E' });
    expect(everythingOf(error)).not.toContain('s3cr3t');
    expect(new BrokerUnavailableError('Redis', 'no answer').cause).toBeUndefined();
  });
});
