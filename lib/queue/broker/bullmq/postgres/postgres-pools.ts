import type { Duplex } from 'node:stream';
import type { IQueueBackend } from 'bullmq';
import type { ClientConfig, Pool, PoolConfig } from 'pg';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import { SILENCE } from '../connections.js';
import { LABEL } from './postgres-errors.js';
import { endWhenSilent, PATIENCE, type LastReply } from '../patience.js';
import { TYPES } from './postgres-types.js';
import { BrokerUnavailableError } from '../../queue-errors.js';

type Pg = typeof import('pg');

/**
 * Isolation of all sessions: a waiter for a lock must see what the holder before it has done, whatever the role's
 * default.
 */
const ISOLATION = '-c default_transaction_isolation=read\\ committed';
/** Longest time of a statement, in milliseconds. The server ends it, so that nothing goes on that was given up here. */
export const STATEMENT_TIME = {
  /** Limit of public calls. */
  call: PATIENCE,
  /** Limit of the worker's calls, which are repeated until they succeed. */
  worker: SILENCE - 1_000,
  /** Limit of migrations: none. */
  migration: 0,
} as const;

/** Settings for every connection. Those of the application hold where ours do not have to. */
export function configOf({ connection }: ResolvedQueueOptions, pg: Pg, lastReply: LastReply): PoolConfig {
  const config = typeof connection === 'string' ? readUrl(connection) : { ...copyOf(connection) };
  // These would be sent beside ours, and win over them.
  delete config.statement_timeout;
  delete config.lock_timeout;
  const ours: PoolConfig & { binary: boolean } = {
    connectionTimeoutMillis: PATIENCE,
    keepAlive: true,
    binary: false,
    types: TYPES,
    Client: clientClass(pg, lastReply) as never,
  };
  return { ...config, ...ours };
}

/** Adds limits for statements. `options` are those of the server's command line; later ones win. */
export function withLimit(config: PoolConfig, statementTime: number): PoolConfig {
  return {
    ...config,
    query_timeout: statementTime === 0 ? PATIENCE : statementTime,
    options: `${config.options ?? ''} ${ISOLATION} -c statement_timeout=${statementTime} -c lock_timeout=0`.trim(),
  };
}

/** Adds the schema, which BullMQ adds by itself. */
export function withSchema(config: PoolConfig, prefix: string): PoolConfig {
  return { ...config, options: `${config.options ?? ''} -c search_path=${searchPath(prefix)}`.trim() };
}

/** `search_path` as the server shows it. */
export function searchPath(prefix: string): string {
  return `"${prefix}"`;
}

/**
 * Lets calls wait for a connection of a busy pool as long as there are replies. A call that is given up does not get one
 * later. pg itself counts the time of the wait alone.
 */
export function patientPool(pool: Pool, lastReply: LastReply): Pool {
  const { options } = pool as unknown as { options: PoolConfig };
  options.connectionTimeoutMillis = 0;
  pool.on('connect', () => lastReply.note());
  const connect = pool.connect.bind(pool) as (callback?: Checkout) => unknown;
  const patient = (callback?: Checkout): unknown => {
    if (callback === undefined) return connect();
    let isGivenUp = false;
    const waiter = lastReply.wait(() => {
      isGivenUp = true;
      callback(new BrokerUnavailableError(LABEL, 'no answer'), undefined, () => {});
    });
    // Called back at once: a client whose connection is lost in the next moment must have a listener by then.
    connect((error, client, release) => {
      if (isGivenUp) return release();
      lastReply.forget(waiter);
      callback(error, client, release);
    });
    return undefined;
  };
  pool.connect = patient as never;
  return pool;
}

/** Returns the pool of a backend that BullMQ has made. */
export function poolOf(backend: IQueueBackend): Pool {
  return (backend as unknown as { connection: { pool: Pool } }).connection.pool;
}

type Checkout = (error: Error | undefined, client: unknown, release: (error?: Error) => void) => void;

/**
 * Creates a client class with separate limits. In a pool, pg takes one limit for the time to connect and for the wait
 * in line; here only the first has one. And pg keeps a silent connection until `query_timeout` is over.
 */
function clientClass({ Client }: Pg, lastReply: LastReply): typeof Client {
  return class extends Client {
    constructor(config: ClientConfig = {}) {
      const { password, query_timeout: limit = SILENCE } = config; // pg hides the password from whoever copies the options
      super({ ...config, password, connectionTimeoutMillis: PATIENCE, query_timeout: 0 });
      // A client that somebody has taken from its pool has no listener of the pool's: a lost connection would end the process.
      this.on('error', () => {});
      this.once('connect', () => {
        const { stream } = Reflect.get(this, 'connection') as { readonly stream: Duplex };
        stream.on('data', () => lastReply.note());
        endWhenSilent(stream, limit, () => Reflect.get(this, 'readyForQuery') === false);
      });
    }
  };
}

/** pg lets `options` of a URL replace those beside it, and with them the schema that we and BullMQ set there. */
function readUrl(text: string): PoolConfig {
  const url = new URL(text);
  const options = url.searchParams.get('options');
  // In a URL, these win over what stands beside it, too.
  for (const name of ['options', 'statement_timeout', 'lock_timeout']) url.searchParams.delete(name);
  return { connectionString: url.href, ...(options !== null && { options }) };
}

function copyOf(connection: unknown): PoolConfig {
  if (!isPool(connection)) {
    const config = connection as PoolConfig;
    return config.connectionString === undefined ? config : { ...config, ...readConnectionString(config) };
  }
  const { password, ssl } = connection.options;
  return {
    ...readConnectionString(connection.options),
    ...(password !== undefined && { password }),
    ...(ssl !== undefined && { ssl }),
  };
}

function readConnectionString(config: PoolConfig): PoolConfig {
  if (config.connectionString === undefined || !URL.canParse(config.connectionString)) return { ...config };
  const read = readUrl(config.connectionString);
  const options = [config.options, read.options].filter(Boolean).join(' ');
  return { ...config, ...read, ...(options !== '' && { options }) };
}

/**
 * Tells whether the connection is the application's own pool. Its settings are used, and the pool itself is left alone.
 */
function isPool(connection: unknown): connection is Pool & { options: PoolConfig } {
  return typeof (connection as Partial<Pool>).totalCount === 'number';
}
