import { parseDuration, type Duration } from '../task/duration.js';
import { TasksConfigError } from '../task/task-errors.js';

/**
 * How this process runs durable tasks.
 *
 * @publicApi
 */
export interface TaskQueueWorkerOptions {
  /** At most so many executions run here at once. Default 10. */
  concurrency?: number | undefined;
  /**
   * How long an execution belongs to a worker that gives no sign of life; others start it after that. Prolonged while it
   * runs. Default `'15s'`.
   */
  lease?: Duration | undefined;
}

/**
 * The `queue` of `TasksModule.forRoot()`: where durable tasks are kept, and whether this process runs them.
 *
 * @publicApi
 */
export interface TaskQueueOptions {
  /** `memory://` (the default), `redis://…`, `rediss://…` or `postgres://…`. Drivers are loaded only when named. */
  url?: string | undefined;
  /** Instead of `url`: what BullMQ's `connection` option takes. */
  connection?: unknown;
  /** Fleets with one name share work. Letters, digits, `.`, `_` and `-`. Default `'tasks'`. */
  name?: string | undefined;
  /** What every key on Redis begins with, and the schema on PostgreSQL. Default `'nestjs_tasks'`. */
  prefix?: string | undefined;
  /** `false`: this process only adds. Default: it runs them too. */
  worker?: false | TaskQueueWorkerOptions | undefined;
  /** PostgreSQL: create and migrate the schema at boot. Default `true`. */
  migrate?: boolean | undefined;
  /** How long an ended execution and its result can be looked up. Default `'15m'`. */
  retention?: Duration | undefined;
}

/** Where the queue is kept. */
export type QueueBackend = 'memory' | 'redis' | 'postgres';

export const QUEUE_OPTIONS = Symbol('QUEUE_OPTIONS');
export const WORKER_ID = Symbol('WORKER_ID');

/** The options after checks and defaults. Times are in milliseconds. */
export interface ResolvedQueueOptions {
  readonly backend: QueueBackend;
  /** What the driver connects with. */
  readonly connection: unknown;
  readonly name: string;
  readonly prefix: string;
  readonly hasWorker: boolean;
  readonly concurrency: number;
  readonly lease: number;
  readonly migrate: boolean;
  readonly retention: number;
}

const BACKENDS: Readonly<Record<string, QueueBackend>> = {
  'memory:': 'memory',
  'redis:': 'redis',
  'rediss:': 'redis',
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
};

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TasksConfigError} on the first option that cannot be used.
 */
export function resolveQueueOptions(options: TaskQueueOptions = {}): ResolvedQueueOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TasksConfigError('queue', options, 'an object with url, name, worker, retention');
  }
  const { url, connection, name = 'tasks', prefix = 'nestjs_tasks', worker = {}, migrate = true } = options;
  if (url !== undefined && connection !== undefined) {
    throw new TasksConfigError('queue.connection', connection, 'one of url and connection, not both');
  }
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    throw new TasksConfigError('queue.name', name, "up to 64 letters, digits, '.', '_' and '-'");
  }
  const backend = url === undefined ? backendOf(connection) : backendOfUrl(url);
  checkPrefix(prefix, backend);
  if (typeof migrate !== 'boolean') throw new TasksConfigError('queue.migrate', migrate, 'true or false');
  if (worker !== false && (typeof worker !== 'object' || worker === null)) {
    throw new TasksConfigError('queue.worker', worker, 'false, or an object with concurrency and lease');
  }
  const { concurrency = 10, lease = '15s' } = worker === false ? {} : worker;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new TasksConfigError('queue.worker.concurrency', concurrency, 'a whole number from 1');
  }
  return {
    backend,
    connection: url ?? connection,
    name,
    prefix,
    hasWorker: worker !== false,
    concurrency,
    lease: parseDuration('queue.worker.lease', lease, 100),
    migrate,
    retention: parseDuration('queue.retention', options.retention ?? '15m'),
  };
}

function backendOfUrl(url: unknown): QueueBackend {
  const protocol = typeof url === 'string' && URL.canParse(url) ? new URL(url).protocol : '';
  const backend = BACKENDS[protocol];
  if (backend !== undefined) return backend;
  // Without what may be a password.
  const shown = typeof url === 'string' ? url.replace(/\/\/.*@/s, '//…@') : url;
  throw new TasksConfigError('queue.url', shown, "'memory://', 'redis://…', 'rediss://…' or 'postgres://…'");
}

/** Whether BullMQ would take the connection for one to Redis or to PostgreSQL. */
function backendOf(connection: unknown): QueueBackend {
  if (connection === undefined) return 'memory';
  if (typeof connection === 'string') return backendOfUrl(connection);
  if (typeof connection !== 'object' || connection === null) {
    throw new TasksConfigError('queue.connection', connection, "what BullMQ's connection option takes");
  }
  const { url } = connection as { url?: unknown };
  if (url !== undefined) return backendOfUrl(url);
  const isPostgres = ['connectionString', 'database', 'user', 'totalCount'].some((field) => field in connection);
  return isPostgres ? 'postgres' : 'redis';
}

function checkPrefix(prefix: unknown, backend: QueueBackend): void {
  const isFit =
    typeof prefix === 'string' && (backend === 'postgres' ? /^[A-Za-z_]\w{0,62}$/ : /^[\w.{}-]{1,64}$/).test(prefix);
  if (isFit) return;
  throw new TasksConfigError(
    'queue.prefix',
    prefix,
    backend === 'postgres'
      ? 'the name of a schema: letters, digits and _, not beginning with a digit, up to 63'
      : "up to 64 letters, digits, '.', '_', '-', and braces for a hash tag",
  );
}
