import { TasksConfigError, TasksError } from '../../../../task/task-errors.js';
import { driverError } from '../../driver-error.js';
import { BrokerUnavailableError } from '../../queue-errors.js';
import type { ResolvedQueueOptions } from '../../queue-settings.js';

export const LABEL = 'Redis';

/** Replies of a server, or errors of a connection, that trying again does not change, and what would. */
const REMEDIES: readonly (readonly [message: RegExp, remedy: string])[] = [
  [/WRONGPASS|NOAUTH|invalid password|no password is set|AUTH failed/i, 'the user and password of the server'],
  [/DB index|invalid DB/i, 'a database number of the server, by default from 0 to 15'],
  [/NOPERM/, 'a user with the rights in docs/brokers.md, Redis and Valkey'],
  [/SELECT is not allowed in cluster mode/i, 'a url without a database: Redis Cluster has only one'],
  [/^MOVED|^ASK /, 'a Cluster client of ioredis as queue.connection: this server belongs to a Redis Cluster'],
  [/unknown command|unknown subcommand/i, 'Redis 6.2 or later, or Valkey'],
  [
    /self.signed|unable to verify|unable to get (?:local )?issuer|altnames?|wrong version number/i,
    'TLS as in docs/brokers.md',
  ],
];

/** Replies of a server that is up and cannot do it now. */
const UNAVAILABLE_REPLIES =
  /^(?:READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MISCONF|OOM|NOREPLICAS|BUSY|UNKILLABLE|NOTREADY|ERR max number of clients)/;
const UNAVAILABLE_ERRORS =
  /connection is (?:closed|in subscriber)|connection is closed|isn't writeable|timed? ?out|Socket timeout|due to connection close|max retries|reconnect|failed to refresh slots|all sentinels|E(?:CONN|PIPE|HOST|NET|AI_AGAIN|TIMEDOUT|NOTFOUND|NOENT)/i;

interface DriverError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: unknown;
  readonly lastNodeError?: Error;
}

/** Returns the error of a setting that cannot work, if the driver's error says so. */
export function refusalOf(error: unknown, options: ResolvedQueueOptions): TasksConfigError | undefined {
  const { setting, prefix, connection } = options;
  const { message } = driverError(rootOf(error), connection);
  if (/CROSSSLOT|same slot/i.test(message)) {
    return new TasksConfigError(
      'queue.prefix',
      prefix,
      "a prefix in braces on Redis Cluster, such as '{nestjs_tasks}'",
    );
  }
  const [, remedy] = REMEDIES.find(([pattern]) => pattern.test(message)) ?? [];
  return remedy === undefined ? undefined : new TasksConfigError(setting, '…', `${remedy} (${message})`);
}

/**
 * Meaning of an error of the client for the caller. Other errors, such as BullMQ's own refusals, stay as they are.
 *
 * @param isRepeatable `false`: to repeat the call could do its work twice, if the first one has arrived.
 */
export function explain(error: unknown, options: ResolvedQueueOptions, isRepeatable = true): unknown {
  if (error instanceof TasksError) return error;
  // ioredis hangs the command onto its errors: with a password, or the data of a job.
  const safe = driverError(rootOf(error), options.connection) as DriverError & Error;
  const refusal = refusalOf(safe, options);
  if (refusal !== undefined) return refusal;
  const { message, code } = safe;
  if (UNAVAILABLE_REPLIES.test(message)) return unavailable(message, { cause: safe, isRepeatable: true });
  if (UNAVAILABLE_ERRORS.test(`${String(code)} ${message}`)) return unavailable(message, { cause: safe, isRepeatable });
  return safe;
}

export function unavailable(
  what: string,
  { cause, isRepeatable }: { cause?: unknown; isRepeatable?: boolean } = {},
): BrokerUnavailableError {
  return new BrokerUnavailableError(LABEL, what, {
    ...(cause !== undefined && { cause }),
    ...(isRepeatable !== undefined && { isRepeatable }),
  });
}

/** Returns the reason of a cluster's error, which itself says only that all nodes have failed. */
function rootOf(error: unknown): DriverError {
  const { lastNodeError } = error as DriverError;
  return lastNodeError ?? (error as DriverError);
}
