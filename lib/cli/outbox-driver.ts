import { existsSync } from 'node:fs';
import nodeModule from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Outboxes from '../outbox/index.js';
import { findPackage } from '../package/optional-package.js';
import { requires } from '../package/places.js';
import { driverError } from '../queue/broker/driver-error.js';
import type { OutboxDatabase } from '../queue/broker/outbox/outbox-database.js';
import { isTableMissing } from '../queue/broker/outbox/outbox-schema.js';
import { BrokerUnavailableError } from '../queue/broker/queue-errors.js';
import { UsageError } from './exit-code.js';
import { serverName } from './server-name.js';

/** Time in which a server must answer, in milliseconds. */
const PATIENCE = 3_000;

/** Database of an outbox, opened by a command. */
export class OpenOutboxDatabase {
  constructor(
    readonly database: OutboxDatabase,
    private readonly url: string,
    private readonly end: () => unknown,
  ) {}

  /** Calls `work` with the database. @throws {BrokerUnavailableError} without anything secret, where it fails. */
  async attempt<R>(work: (database: OutboxDatabase) => Promise<R>): Promise<R> {
    try {
      return await work(this.database);
    } catch (error) {
      if (isTableMissing(error)) throw error;
      const cause = driverError(error, this.url);
      throw new BrokerUnavailableError(serverName(this.url), cause.message, { cause });
    }
  }

  async close(): Promise<void> {
    await Promise.resolve(this.end()).catch(() => {}); // it has gone
  }
}

/**
 * Opens the database that the url names, with the driver that the application has for it.
 *
 * @throws {UsageError} when the url names no database of an outbox, or its driver is not installed.
 */
export async function openOutboxDatabase(url: string): Promise<OpenOutboxDatabase> {
  const adapters = await import('../outbox/index.js');
  switch (/^[a-z]+:/i.exec(url)?.[0].toLowerCase()) {
    case 'postgres:':
    case 'postgresql:':
      return openPostgres(url, adapters);
    case 'mysql:':
    case 'mariadb:':
      return openMysql(url, adapters);
    case 'sqlite:':
    case 'file:':
      return openSqlite(url, adapters);
    default:
      throw new UsageError(
        '--outbox-url names no database of an outbox. Pass postgres://…, mysql://… or sqlite:file.db.',
      );
  }
}

function openPostgres(url: string, { fromPg }: typeof Outboxes): OpenOutboxDatabase {
  const { Pool } = driver<typeof import('pg')>('pg');
  const pool = new Pool({ connectionString: url, max: 1, connectionTimeoutMillis: PATIENCE });
  pool.on('error', () => {}); // the next statement tells
  return new OpenOutboxDatabase(fromPg(pool), url, () => pool.end());
}

function openMysql(url: string, { fromMysql2 }: typeof Outboxes): OpenOutboxDatabase {
  const { createPool } = driver<typeof import('mysql2/promise')>('mysql2');
  const uri = url.replace(/^mariadb:/i, 'mysql:');
  const pool = createPool({ uri, connectionLimit: 1, connectTimeout: PATIENCE });
  return new OpenOutboxDatabase(fromMysql2(pool), url, () => pool.end());
}

interface SqliteHandle {
  prepare: unknown;
  exec: unknown;
  close(): void;
}

type Sqlite = new (path: string) => SqliteHandle;

function openSqlite(url: string, { fromSqlite }: typeof Outboxes): OpenOutboxDatabase {
  const path = /^file:\/\//i.test(url) ? fileURLToPath(url) : url.replace(/^[a-z]+:(?:\/\/)?/i, '');
  if (path === '') throw new UsageError('--outbox-url names no file. Pass sqlite:file.db, or sqlite:/path/to/file.db.');
  // Opened before it is there, a database would be made where its path was mistyped.
  if (!existsSync(path))
    throw new UsageError(`The file of --outbox-url does not exist: ${path}. Start the application once.`);
  const Database = sqlite();
  const database = new Database(path);
  return new OpenOutboxDatabase(fromSqlite(database), url, () => database.close());
}

function sqlite(): Sqlite {
  for (const name of ['better-sqlite3', 'libsql']) {
    const search = findPackage<Sqlite>(name, places());
    if ('found' in search) return search.found;
  }
  try {
    return (process.getBuiltinModule as (id: string) => { DatabaseSync: Sqlite })('node:sqlite').DatabaseSync;
  } catch {
    throw missing('better-sqlite3'); // an older Node.js
  }
}

function driver<T>(name: string): T {
  const search = findPackage<T>(name, places());
  if ('found' in search) return search.found;
  throw missing(search.problem.install);
}

function missing(install: string): UsageError {
  return new UsageError(`The database of --outbox-url needs a package that is not installed: npm install ${install}.`);
}

/** Places to look for a driver: a package manager may show it to the application alone. */
function places(): NodeJS.Require[] {
  return [...requires(), nodeModule.createRequire(join(process.cwd(), 'package.json'))];
}
