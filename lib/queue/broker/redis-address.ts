import { TasksConfigError } from '../../task/task-errors.js';

/**
 * Checks what ioredis would read as another address, or as another database, without a word.
 *
 * @param setting the option that it comes from.
 * @throws {TasksConfigError}
 */
export function checkRedis(setting: string, connection: unknown): void {
  if (typeof connection === 'string') return checkUrl(setting, connection);
  if (typeof (connection as { duplicate?: unknown }).duplicate === 'function') return; // a client of the application
  const { url, db, keyPrefix } = connection as { url?: unknown; db?: unknown; keyPrefix?: unknown };
  checkKeyPrefix(`${setting}.keyPrefix`, keyPrefix);
  if (db !== undefined) checkDatabase(`${setting}.db`, db);
  if (typeof url === 'string') checkUrl(`${setting}.url`, url);
}

function checkUrl(setting: string, text: string): void {
  const { hostname, pathname, searchParams } = new URL(text);
  if (hostname === '') {
    throw new TasksConfigError(
      setting,
      `${new URL(text).protocol}…`,
      'a url with a host, such as redis://localhost:6379; for a unix socket, connection: { path }',
    );
  }
  if (pathname.length > 1) checkDatabase(setting, pathname.slice(1));
  const db = searchParams.get('db');
  if (db !== null) checkDatabase(setting, db);
  checkKeyPrefix(setting, searchParams.get('keyPrefix'));
}

/** BullMQ cannot use it. That of an application's client is for its other uses, and not for the queue. */
function checkKeyPrefix(setting: string, keyPrefix: unknown): void {
  if (keyPrefix === undefined || keyPrefix === null || keyPrefix === '') return;
  throw new TasksConfigError(setting, '…', 'no keyPrefix: set queue.prefix instead');
}

function checkDatabase(setting: string, database: unknown): void {
  if (/^\d{1,9}$/.test(String(database))) return;
  // What stands there by mistake may be a part of a password.
  throw new TasksConfigError(
    setting,
    '…',
    'the number of a database after the host, from 0, such as redis://localhost:6379/1',
  );
}
