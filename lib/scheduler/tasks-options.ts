import { parseDuration, type Duration } from '../task/duration.js';
import { KnownOptions } from '../task/known-options.js';
import { RETRY_REMEDY } from '../task/retry-policy.js';
import { TasksConfigError } from '../task/task-errors.js';
import {
  resolveThreadPoolOptions,
  type ResolvedThreadPoolOptions,
  type ThreadPoolOptions,
} from '../threads/thread-options.js';
import { checkPool } from './task-pools.js';
import {
  resolveTaskPools,
  TASK_POOL_NAMES,
  type ResolvedTaskPoolOptions,
  type TaskPoolOptions,
} from './task-pool-options.js';
import { mergeTaskConfig, TASK_CONFIG_NAMES, validateTaskConfig, type TaskConfig } from '../task/task-config.js';

/**
 * How the application's shutdown treats tasks.
 *
 * @publicApi
 */
export interface TasksShutdownOptions {
  /** What cancelled tasks get to unwind before they are reported as abandoned. Default `'1s'`. */
  gracePeriod?: Duration | undefined;
  /** How long shielded tasks may hold the shutdown, over all its phases. Default: no limit. */
  timeout?: Duration | undefined;
}

/**
 * What the scheduler takes of the module's options.
 *
 * @publicApi
 */
export interface SchedulerOptions extends TaskConfig, TaskPoolOptions {
  /**
   * Pools with limits of their own, by name. A task goes into one by `task({ pool: 'mail' })`, and is then counted there
   * alone: a pool that is full holds up nobody else.
   */
  pools?: Readonly<Record<string, TaskPoolOptions>> | undefined;
  shutdown?: TasksShutdownOptions | undefined;
  /** The worker threads of `task({ thread })`. */
  threads?: ThreadPoolOptions | undefined;
  /**
   * A task that holds the event loop for longer is named in a warning, each function once. `false`: none is.
   * Default `'50ms'`.
   */
  blockingThreshold?: Duration | false | undefined;
  /**
   * Hands a promise of each task's end to a platform that freezes the process when it has its response. Called where
   * the task is scheduled.
   *
   * @example `waitUntil` of `@vercel/functions`
   */
  waitUntil?: ((pending: Promise<unknown>) => void) | undefined;
  /** Spans and metrics, where the application has `@opentelemetry/api`. Default `true`. */
  telemetry?: boolean | undefined;
}

/** The options after checks and defaults. */
export interface ResolvedTasksOptions {
  readonly config: TaskConfig;
  readonly pools: ReadonlyMap<string, ResolvedTaskPoolOptions>;
  readonly threads: ResolvedThreadPoolOptions;
  /** In milliseconds. */
  readonly blockingThreshold: number;
  readonly waitUntil: ((pending: Promise<unknown>) => void) | undefined;
  readonly telemetry: boolean;
  readonly shutdown: {
    readonly gracePeriod: number;
    readonly timeout: number | undefined;
  };
}

/** The options as the user has given them. */
export const RAW_OPTIONS = Symbol('RAW_OPTIONS');

export const TASKS_OPTIONS = Symbol('TASKS_OPTIONS');

/** Options of the module: the scheduler's, and those of others. */
type ModuleOptions = SchedulerOptions & { readonly isGlobal?: unknown; readonly queue?: unknown };

/** Names of all options of `TasksModule.forRoot()`. */
export const MODULE_OPTIONS = new KnownOptions<ModuleOptions>(
  {
    ...TASK_CONFIG_NAMES,
    ...TASK_POOL_NAMES,
    pools: true,
    shutdown: true,
    threads: true,
    blockingThreshold: true,
    waitUntil: true,
    telemetry: true,
    isGlobal: true,
    queue: true,
  },
  {
    shielded: 'shield',
    global: 'isGlobal',
    retry: RETRY_REMEDY,
    retries: RETRY_REMEDY,
    attempts: RETRY_REMEDY,
    defaultJobOptions: RETRY_REMEDY,
    redis: "queue: { url: 'redis://…' }",
    postgres: "queue: { url: 'postgres://…' }",
    url: 'queue: { url }',
    connection: 'queue: { connection }',
    prefix: 'queue: { prefix }',
    worker: 'queue: { worker }',
    lease: 'queue: { worker: { lease } }',
    migrate: 'queue: { migrate }',
    retention: 'queue: { retention }',
    maxArgumentSize: 'queue: { maxArgumentSize }',
    builtInTasks: 'queue: { builtInTasks }',
    gracePeriod: 'shutdown: { gracePeriod }',
  },
);

const SHUTDOWN = new KnownOptions<TasksShutdownOptions>(
  { gracePeriod: true, timeout: true },
  { grace: 'gracePeriod', signals: 'app.enableShutdownHooks(signals)' },
);

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TasksConfigError} on the first option that cannot be used.
 */
export function resolveTasksOptions(options: ModuleOptions): ResolvedTasksOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TasksConfigError('TasksModule.forRoot()', options, 'an object of options, or nothing');
  }
  MODULE_OPTIONS.check(options, 'TasksModule.forRoot()');
  validateTaskConfig(options);
  if (options.onCancel != null) {
    throw new TasksConfigError(
      'onCancel',
      options.onCancel,
      'nothing for all tasks of the module, most of which no queue can keep; set it on @Durable() methods',
    );
  }
  const { isGlobal, pools, shutdown = {}, threads, blockingThreshold = '50ms', waitUntil, telemetry = true } = options;
  if (isGlobal !== undefined) {
    // forRoot() has taken it out; Nest must know it before any factory runs.
    throw new TasksConfigError('isGlobal', isGlobal, 'true or false beside useFactory, and not in what it returns');
  }
  if (waitUntil !== undefined && typeof waitUntil !== 'function') {
    throw new TasksConfigError('waitUntil', waitUntil, 'a function that takes a promise');
  }
  if (typeof telemetry !== 'boolean') throw new TasksConfigError('telemetry', telemetry, 'true or false');
  if (typeof shutdown !== 'object' || shutdown === null) {
    throw new TasksConfigError('shutdown', shutdown, 'an object with gracePeriod and timeout');
  }
  SHUTDOWN.check(shutdown, 'shutdown');
  const { gracePeriod = '1s', timeout } = shutdown;
  const resolvedPools = resolveTaskPools(options, pools);
  if (options.pool != null) checkPool(options.pool, [...resolvedPools.keys()]);
  return {
    config: mergeTaskConfig({}, options),
    pools: resolvedPools,
    threads: resolveThreadPoolOptions(threads),
    blockingThreshold: blockingThreshold === false ? Infinity : parseDuration('blockingThreshold', blockingThreshold),
    waitUntil,
    telemetry,
    shutdown: {
      gracePeriod: parseDuration('shutdown.gracePeriod', gracePeriod),
      timeout: timeout === undefined ? undefined : parseDuration('shutdown.timeout', timeout),
    },
  };
}
