import { TasksConfigError, TasksError } from '../../../../task/task-errors.js';
import { driverError } from '../../driver-error.js';
import { BrokerUnavailableError } from '../../queue-errors.js';
import type { ResolvedQueueOptions } from '../../queue-settings.js';

export const LABEL = 'PostgreSQL';

/** Two transactions that cannot both be committed: a deadlock, and a conflict where the isolation is stricter than ours. */
const CONFLICTS = new Set(['40P01', '40001']);

/**
 * SQLSTATE codes, or the beginnings of some, of a server that cannot do it now: connection lost, resources used up, shut
 * down, starting, read-only after a failover, or a statement or a lock that took too long.
 */
const UNAVAILABLE_STATES = ['08', '53', '57P', '25006', '57014', '55P03'];
const UNAVAILABLE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ENOTFOUND',
  'ENOENT', // the file of a unix socket
]);
/** Messages of pg, which has no codes for these. */
const UNAVAILABLE_MESSAGES = /connection terminated|timeout|not queryable|after calling end|has already been released/i;
/** Errors before anything was sent, so that nothing can have been done. */
const UNSENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT|timeout expired|connection timeout/;

/** SQLSTATE codes, or their beginnings, of settings that cannot work, and what would. */
const REMEDIES: readonly (readonly [state: string, remedy: string])[] = [
  ['28P01', 'the password of a role that may log in'],
  ['28', 'a role that pg_hba.conf of the server lets in'],
  ['3D000', 'a database that exists: create it first'],
];

/** TLS that does not come about by trying again. */
const TLS =
  /does not support SSL|self.signed|unable to verify|unable to get (?:local )?issuer|altnames?|wrong version/i;

interface DriverError {
  readonly code?: unknown;
  readonly name?: string;
  readonly message?: string;
}

export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(String((error as DriverError | undefined)?.code));
}

/**
 * Meaning of an error of the driver or BullMQ for the caller. Other errors, such as BullMQ's own refusals, stay as they are.
 *
 * @param isRepeatable `false`: to repeat the call could do its work twice, if the first one has arrived.
 */
export function explain(thrown: unknown, options: ResolvedQueueOptions, isRepeatable = true): unknown {
  if (thrown instanceof TasksError) return thrown;
  const error = driverError(thrown, options.connection);
  const { code: given, name, message = '' } = error as DriverError;
  const code = String(given); // BullMQ's are numbers
  const { prefix, setting } = options;
  if (name === 'SchemaMigrationRequiredError' || code === '42P01') {
    return new TasksConfigError(
      'queue.migrate',
      false,
      `true, or the schema ${prefix} as another process has set it up before (${message})`,
    );
  }
  if (name === 'SchemaVersionMismatchError') {
    return new TasksConfigError('queue.prefix', prefix, `a schema that this version of bullmq can use (${message})`);
  }
  if (code === '42501') return refused(options, message);
  if (code === '08P01' && message.includes('startup parameter')) return pooled(options, message);
  const [, remedy] = REMEDIES.find(([state]) => code.startsWith(state)) ?? [];
  if (remedy !== undefined) return new TasksConfigError(setting, '…', `${remedy} (${message})`);
  if (TLS.test(`${code} ${message}`)) {
    const allowed = 'an address and ssl options that give a TLS connection. See docs/brokers.md#tls';
    return new TasksConfigError(setting, '…', `${allowed} (${message || code})`);
  }
  const isUnavailable =
    UNAVAILABLE_CODES.has(code) ||
    UNAVAILABLE_STATES.some((state) => code.startsWith(state)) ||
    UNAVAILABLE_MESSAGES.test(message);
  if (!isUnavailable) return error;
  const what = message || code; // of several addresses, pg tells the code alone
  return new BrokerUnavailableError(LABEL, what, {
    cause: error,
    isRepeatable: isRepeatable || UNSENT.test(`${code} ${message}`),
  });
}

/** Creates the error of a connection pooler that does not do what the connection needs. */
export function pooled({ setting }: ResolvedQueueOptions, message: string): TasksConfigError {
  return new TasksConfigError(
    setting,
    '…',
    `the address of PostgreSQL itself: PgBouncer and other poolers drop the session's settings, and workers would miss new executions (${message})`,
  );
}

function refused({ prefix, migrate }: ResolvedQueueOptions, message: string): TasksConfigError {
  const allowed = migrate
    ? `true with a role that may create and own the schema ${prefix}. With false, such a role sets it up first and grants its use`
    : `false with a role that may use the schema ${prefix}. See docs/brokers.md#postgresql`;
  return new TasksConfigError('queue.migrate', migrate, `${allowed} (${message})`);
}
