import { describe, expect, it } from '@jest/globals';
import type { TaskQueueOptions } from 'nestjs-tasks';
import { DEFAULT_RETENTION, Retention } from '../../lib/queue/broker/retention.js';
import { resolveQueueOptions } from '../../lib/queue/queue-options.js';
import { TasksConfigError } from '../../lib/task/task-errors.js';
import { startContext } from '../support/context.js';

const HOUR = 3_600_000;

describe('the options of the queue', () => {
  it('have defaults', () => {
    const defaults = {
      backend: 'memory',
      connection: undefined,
      setting: 'queue.connection',
      name: 'tasks',
      prefix: 'nestjs_tasks',
      hasWorker: true,
      concurrency: 10,
      lease: 15_000,
      migrate: true,
      retention: new Retention(DEFAULT_RETENTION),
      maxArgumentSize: 1_048_576,
      builtInTasks: true,
      carriers: [],
      logs: 0,
    };
    expect(resolveQueueOptions()).toEqual(defaults);
    expect(resolveQueueOptions({})).toEqual(defaults);
    expect(resolveQueueOptions({ worker: undefined, url: undefined, retention: undefined })).toEqual(defaults);
  });

  it('are taken', () => {
    const options: TaskQueueOptions = {
      url: 'postgres://localhost/app',
      name: 'mail',
      prefix: 'app_tasks',
      worker: { concurrency: 3, lease: '5s' },
      migrate: false,
      retention: '1h',
      maxArgumentSize: '500kb',
      builtInTasks: false,
    };
    expect(resolveQueueOptions(options)).toEqual({
      backend: 'postgres',
      connection: 'postgres://localhost/app',
      setting: 'queue.url',
      name: 'mail',
      prefix: 'app_tasks',
      hasWorker: true,
      concurrency: 3,
      lease: 5_000,
      migrate: false,
      retention: new Retention({ completed: HOUR, failed: HOUR, cancelled: HOUR, dropped: HOUR }),
      maxArgumentSize: 512_000,
      builtInTasks: false,
      carriers: [],
      logs: 0,
    });
    expect(resolveQueueOptions({ worker: false }).hasWorker).toBe(false);
    expect(resolveQueueOptions({ retention: 0 }).retention.of('any', 'failed')).toBe(0);
  });

  it.each([
    ['1mb', 1_048_576],
    ['1MB', 1_048_576],
    ['1.5 Mb', 1_572_864],
    ['100kb', 102_400],
    ['7b', 7],
    ['7', 7],
    [4_096, 4_096],
    ['256mb', 268_435_456],
  ])('know the size %p', (maxArgumentSize, bytes) => {
    expect(resolveQueueOptions({ maxArgumentSize }).maxArgumentSize).toBe(bytes);
  });

  it.each([
    ['memory://', 'memory'],
    ['redis://localhost:6379/1', 'redis'],
    ['rediss://user:secret@example.com', 'redis'],
    ['postgres://user@localhost/app', 'postgres'],
    ['postgresql://localhost/app?sslmode=require', 'postgres'],
  ])('know %s', (url, backend) => {
    expect(resolveQueueOptions({ url })).toMatchObject({ backend, connection: url });
    expect(resolveQueueOptions({ connection: url })).toMatchObject({ backend, connection: url });
    expect(resolveQueueOptions({ connection: { url } })).toMatchObject({ backend });
  });

  it.each([
    [{ host: 'localhost', port: 6379 }, 'redis'],
    [{}, 'redis'],
    [{ connectionString: 'postgres://localhost' }, 'postgres'],
    [{ host: 'localhost', user: 'app', database: 'app' }, 'postgres'],
    [{ totalCount: 0, query: () => {} }, 'postgres'],
  ])('know a connection: %p', (connection, backend) => {
    expect(resolveQueueOptions({ connection })).toMatchObject({ backend, connection });
  });

  const REFUSED: readonly (readonly [option: string, options: unknown])[] = [
    ['queue', null],
    ['queue', 'redis://localhost'],
    ['queue.url', { url: 'mysql://localhost' }],
    ['queue.url', { url: 'localhost:6379' }],
    ['queue.url', { url: '' }],
    ['queue.url', { url: 7 }],
    ['queue.url', { url: null }],
    ['queue.url', { url: 'redis://' }],
    ['queue.url', { url: 'redis:/localhost' }],
    ['queue.url', { url: 'redis:///1' }],
    ['queue.url', { url: 'redis://localhost/abc' }],
    ['queue.url', { url: 'redis://localhost/-1' }],
    ['queue.url', { url: 'redis://localhost/1/2' }],
    ['queue.url', { url: 'redis://localhost?db=abc' }],
    ['queue.url', { url: 'rediss://localhost?keyPrefix=app:' }],
    ['queue.connection', { connection: 'redis://localhost/abc' }],
    ['queue.connection.url', { connection: { url: 'redis://localhost/abc' } }],
    ['queue.connection.db', { connection: { host: 'localhost', db: 'abc' } }],
    ['queue.connection.keyPrefix', { connection: { host: 'localhost', keyPrefix: 'app:' } }],
    ['queue.connection', { connection: null }],
    ['queue.connection', { connection: 7 }],
    ['queue.connection', { url: 'memory://', connection: {} }],
    ['queue.name', { name: '' }],
    ['queue.name', { name: 'a:b' }],
    ['queue.name', { name: 'a'.repeat(65) }],
    ['queue.name', { name: 7 }],
    ['queue.prefix', { prefix: '' }],
    ['queue.prefix', { prefix: 'a:b' }],
    ['queue.prefix', { prefix: 'a-b', url: 'postgres://localhost' }],
    ['queue.prefix', { prefix: '1a', url: 'postgres://localhost' }],
    ['queue.prefix', { prefix: 'pg_tasks', url: 'postgres://localhost' }],
    ['queue.prefix', { prefix: 'a"; DROP', url: 'postgres://localhost' }],
    ['queue.worker', { worker: true }],
    ['queue.worker', { worker: null }],
    ['queue.worker', { worker: 5 }],
    ['queue.worker.concurrency', { worker: { concurrency: 0 } }],
    ['queue.worker.concurrency', { worker: { concurrency: 1.5 } }],
    ['queue.worker.concurrency', { worker: { concurrency: Infinity } }],
    ['queue.worker.concurrency', { worker: { concurrency: '3' } }],
    ['queue.worker.lease', { worker: { lease: 99 } }],
    ['queue.worker.lease', { worker: { lease: 'soon' } }],
    ['queue.worker.lease', { worker: { lease: Number.NaN } }],
    ['queue.migrate', { migrate: 'yes' }],
    ['queue.builtInTasks', { builtInTasks: 'yes' }],
    ['queue.builtInTasks', { builtInTasks: null }],
    ['queue.retention', { retention: -1 }],
    ...['', 'large', '1gb', '1.5.2mb', '-1kb', '0', 0, -1, 1.5, Number.NaN, Infinity, '257mb', null].map(
      (maxArgumentSize) => ['queue.maxArgumentSize', { maxArgumentSize }] as const,
    ),
    ['queue.retention', { retention: 'a while' }],
  ];

  it.each(['redis://localhost:99999', 'redis://user:p%ss/word@host:port'])(
    'say what may be wrong with a url: %s',
    (url) => {
      expect(() => resolveQueueOptions({ url })).toThrow(
        "queue.url is '…'. Allowed: 'redis://host:port', with a port up to 65535 and a percent-encoded password; got 'redis://…'.",
      );
    },
  );

  it.each(REFUSED)('refuse this %s: %p', (option, options) => {
    const resolve = (): unknown => resolveQueueOptions(options as TaskQueueOptions);
    expect(resolve).toThrow(TasksConfigError);
    expect(resolve).toThrow(`${option} is `);
    expect(resolve).toThrow('Allowed: ');
  });

  it('never show a password', () => {
    const resolve = (): unknown => resolveQueueOptions({ url: 'mysql://user:secret@localhost' });
    expect(resolve).toThrow('mysql://…@localhost');
    expect(resolve).not.toThrow('secret');
    const odd = (): unknown => resolveQueueOptions({ url: 'mysql://user:p@ss/secret@localhost' });
    expect(odd).not.toThrow('secret');
    const database = (): unknown => resolveQueueOptions({ url: 'redis://localhost/secret' });
    expect(database).toThrow(TasksConfigError);
    expect(database).not.toThrow('secret');
  });

  it('stop the start of the application when they cannot be used', async () => {
    await expect(startContext({ queue: { url: 'mysql://localhost' } })).rejects.toThrow(TasksConfigError);
  });
});
