import type { Type } from '@nestjs/common';
import { checkRedis } from './broker/redis-address.js';
import { DEFAULT_RETENTION, Retention } from './broker/retention.js';
import { parseDuration, type Duration } from '../task/duration.js';
import { parseRetention, type RetentionOptions } from '../task/retention.js';
import { KnownOptions, type Habits } from '../task/known-options.js';
import { RETRY_REMEDY } from '../task/retry-policy.js';
import { TasksConfigError } from '../task/task-errors.js';
import type { QueueBackend, ResolvedQueueOptions } from './broker/queue-settings.js';
import { parseSize, type Size } from './broker/size.js';
import { hidden } from './hidden-option.js';
import { outboxOf, type OutboxOptions } from './outbox-options.js';
import type { TaskContextCarrier } from './client/task-context-carrier.js';

/**
 * Options of the worker of this process.
 *
 * @publicApi
 */
export interface TaskQueueWorkerOptions {
  /** Largest number of executions that run here at once. Default 10. */
  concurrency?: number | undefined;
  /**
   * Time for which a claim is valid without renewal. Renewed while the execution runs; after it, another worker may
   * start the execution. Default `'15s'`.
   */
  lease?: Duration | undefined;
}

/**
 * Option `queue` of `TasksModule.forRoot()`: where durable tasks are kept, and whether this process runs them.
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
  /** Prefix of every key on Redis, and schema on PostgreSQL. Default `'nestjs_tasks'`. */
  prefix?: string | undefined;
  /** `false`: this process only adds. Default: it runs them too. */
  worker?: false | TaskQueueWorkerOptions | undefined;
  /** PostgreSQL: create and migrate the schema at boot. Default `true`. */
  migrate?: boolean | undefined;
  /**
   * Time for which an ended execution, its result and its error can be looked up; by its handle, 10 seconds at least. One
   * for all, or one for each end state. Up to `'10y'`. Default `'15m'`, and `'7d'` for failed ones. A task may have its
   * own: `@Durable({ retention })`.
   */
  retention?: Duration | RetentionOptions | undefined;
  /**
   * Size of the arguments of an execution, and of its result, as they are stored: bytes, or a string such as `'500kb'`.
   * Up to `'256mb'`. Default `'1mb'`.
   */
  maxArgumentSize?: Size | undefined;
  /**
   * Declares `tasks.trace`, `tasks.fail` and `tasks.sleep` in this process. Default `true`, but `false` where the
   * environment variable `NODE_ENV` is `production`: whoever may name a task could fill the workers with sleeping ones.
   */
  builtInTasks?: boolean | undefined;
  /**
   * Provider classes that carry parts of the async context, such as the tenant, from each addition to its runs. The first
   * is the outermost. Default: none.
   */
  carriers?: readonly Type<TaskContextCarrier>[] | undefined;
  /**
   * Number of lines of `context.logger` that are kept with each execution, the last ones, for `execution.logs()`: from 0, which
   * keeps none, to 1,000. Default 0.
   */
  logs?: number | undefined;
  /** Lets `queue.add()` write in a transaction of the application: option `transaction`. Default: none. */
  outbox?: OutboxOptions | undefined;
}

/** Most lines that are kept with an execution: up to 1 kB each, which a run with lines writes at its end. */
const MAX_LOGS = 1_000;

const CONNECTION = 'url, or connection: { host, port, username, password }';
const LIMIT = "@RateLimit() on the task's method";

const HABITS: Habits = {
  redis: "url: 'redis://…', or connection",
  postgres: "url: 'postgres://…', or connection",
  host: CONNECTION,
  port: CONNECTION,
  username: CONNECTION,
  password: CONNECTION,
  db: CONNECTION,
  tls: 'connection: { host, port, tls }',
  concurrency: 'worker: { concurrency }',
  lease: 'worker: { lease }',
  workers: 'worker',
  retry: RETRY_REMEDY,
  attempts: RETRY_REMEDY,
  defaultJobOptions: RETRY_REMEDY,
  removeOnComplete: 'retention: { completed }',
  removeOnFail: 'retention: { failed }',
  limiter: LIMIT,
};

const QUEUE = new KnownOptions<TaskQueueOptions>(
  {
    url: true,
    connection: true,
    name: true,
    prefix: true,
    worker: true,
    migrate: true,
    retention: true,
    maxArgumentSize: true,
    builtInTasks: true,
    carriers: true,
    logs: true,
    outbox: true,
  },
  HABITS,
);

const WORKER = new KnownOptions<TaskQueueWorkerOptions>(
  { concurrency: true, lease: true },
  { lockDuration: 'lease', stalledInterval: 'lease', limiter: LIMIT },
);

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
    throw hidden('queue', options, 'an object with url, name, worker, retention');
  }
  QUEUE.check(options, 'queue');
  const { url, connection, name = 'tasks', prefix = 'nestjs_tasks', worker = {}, migrate = true } = options;
  const { builtInTasks = process.env['NODE_ENV'] !== 'production' } = options;
  if (url !== undefined && connection !== undefined) {
    throw hidden('queue.connection', connection, 'one of url and connection, not both');
  }
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    throw new TasksConfigError('queue.name', name, "up to 64 letters, digits, '.', '_' and '-'");
  }
  const setting = url === undefined ? 'queue.connection' : 'queue.url';
  const backend = url === undefined ? backendOf(connection) : backendOfUrl('queue.url', url);
  if (backend === 'redis') checkRedis(setting, url ?? connection);
  checkPrefix(prefix, backend);
  if (typeof migrate !== 'boolean') throw new TasksConfigError('queue.migrate', migrate, 'true or false');
  if (typeof builtInTasks !== 'boolean') {
    throw new TasksConfigError('queue.builtInTasks', builtInTasks, 'true or false');
  }
  if (worker !== false && (typeof worker !== 'object' || worker === null)) {
    throw new TasksConfigError('queue.worker', worker, 'false, or an object with concurrency and lease');
  }
  if (worker !== false) WORKER.check(worker, 'queue.worker');
  const { concurrency = 10, lease = '15s' } = worker === false ? {} : worker;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new TasksConfigError('queue.worker.concurrency', concurrency, 'a whole number from 1');
  }
  return {
    backend,
    connection: url ?? connection,
    setting,
    name,
    prefix,
    hasWorker: worker !== false,
    concurrency,
    lease: parseDuration('queue.worker.lease', lease, 100),
    migrate,
    retention: new Retention({ ...DEFAULT_RETENTION, ...parseRetention('queue.retention', options.retention) }),
    maxArgumentSize: parseSize(
      'queue.maxArgumentSize',
      options.maxArgumentSize === undefined ? '1mb' : options.maxArgumentSize,
    ),
    builtInTasks,
    carriers: carriersOf(options.carriers),
    outbox: outboxOf(options.outbox),
    logs: logsOf(options.logs),
  };
}

function logsOf(logs: unknown = 0): number {
  if (Number.isInteger(logs) && (logs as number) >= 0 && (logs as number) <= MAX_LOGS) return logs as number;
  throw new TasksConfigError('queue.logs', logs, 'a whole number from 0 to 1,000');
}

function carriersOf(carriers: unknown = []): readonly Type<never>[] {
  const isFit = Array.isArray(carriers) && carriers.every((type) => typeof type === 'function');
  if (isFit) return [...(carriers as Type<never>[])];
  throw new TasksConfigError('queue.carriers', carriers, 'a list of provider classes');
}

function backendOfUrl(option: string, url: unknown): QueueBackend {
  const isUrl = typeof url === 'string' && URL.canParse(url);
  const protocol = isUrl ? new URL(url).protocol : (/^[a-z]+:/.exec(String(url))?.[0] ?? '');
  const backend = BACKENDS[protocol];
  if (backend === undefined) throw hidden(option, url, "'memory://', 'redis://…', 'rediss://…' or 'postgres://…'");
  if (isUrl) return backend;
  throw hidden(option, url, `'${protocol}//host:port', with a port up to 65535 and a percent-encoded password`);
}

/** Returns the backend that BullMQ would take the connection for. */
function backendOf(connection: unknown): QueueBackend {
  if (connection === undefined) return 'memory';
  if (typeof connection === 'string') return backendOfUrl('queue.connection', connection);
  if (typeof connection !== 'object' || connection === null) {
    throw hidden('queue.connection', connection, "what BullMQ's connection option takes");
  }
  const { url } = connection as { url?: unknown };
  if (url !== undefined) return backendOfUrl('queue.connection.url', url);
  const isPostgres = ['connectionString', 'database', 'user', 'totalCount'].some((field) => field in connection);
  return isPostgres ? 'postgres' : 'redis';
}

function checkPrefix(prefix: unknown, backend: QueueBackend): void {
  const isFit =
    typeof prefix === 'string' &&
    (backend === 'postgres' ? /^(?!pg_)[A-Za-z_]\w{0,62}$/i : /^[\w.{}-]{1,64}$/).test(prefix);
  if (isFit) return;
  throw new TasksConfigError(
    'queue.prefix',
    prefix,
    backend === 'postgres'
      ? 'the name of a schema: up to 63 letters, digits and _, not beginning with a digit or with pg_'
      : "up to 64 letters, digits, '.', '_', '-', and braces for a hash tag",
  );
}
