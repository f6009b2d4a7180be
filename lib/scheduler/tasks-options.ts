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
 * Options of the application's shutdown.
 *
 * @publicApi
 */
export interface TasksShutdownOptions {
  /** Time for cancelled tasks to stop before they are reported as abandoned. Default `'1s'`. */
  gracePeriod?: Duration | undefined;
  /** Time limit for shielded tasks, over all phases of the shutdown. Default: no limit. */
  timeout?: Duration | undefined;
}

/**
 * Options of the scheduler in those of the module.
 *
 * @publicApi
 */
export interface SchedulerOptions extends TaskConfig, TaskPoolOptions {
  /**
   * Pools with limits of their own, by name. A task with `task({ pool: 'mail' })` counts in that pool alone: a full
   * pool delays no task outside of it.
   */
  pools?: Readonly<Record<string, TaskPoolOptions>> | undefined;
  shutdown?: TasksShutdownOptions | undefined;
  /** Worker threads of `task({ thread })`. */
  threads?: ThreadPoolOptions | undefined;
  /**
   * Time on the event loop from which a task is reported in a warning, once for each function. `false` disables it.
   * Default `'50ms'`.
   */
  blockingThreshold?: Duration | false | undefined;
  /**
   * Keeps a platform awake that freezes the process after the response: takes a promise of each task's end. Called
   * where the task is scheduled.
   *
   * @example `waitUntil` of `@vercel/functions`
   */
  waitUntil?: ((pending: Promise<unknown>) => void) | undefined;
  /** Enables spans and metrics, where the application has `@opentelemetry/api`. Default `true`. */
  telemetry?: boolean | undefined;
}

/** Options after checks and defaults. */
export interface ResolvedTasksOptions {
  readonly config: TaskConfig;
  readonly pools: ReadonlyMap<string, ResolvedTaskPoolOptions>;
  readonly threads: ResolvedThreadPoolOptions;
  /** Limit in milliseconds. */
  readonly blockingThreshold: number;
  readonly waitUntil: ((pending: Promise<unknown>) => void) | undefined;
  readonly telemetry: boolean;
  readonly shutdown: {
    readonly gracePeriod: number;
    readonly timeout: number | undefined;
  };
}

/** Token of the options as the user has given them. */
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
    const where = 'The result of the factory of TasksModule.forRootAsync()';
    throw new TasksConfigError(where, options, 'an object of options; {} for the defaults');
  }
  MODULE_OPTIONS.check(options, 'TasksModule.forRoot()');
  validateTaskConfig(options);
  if (options.onCancel != null) {
    throw new TasksConfigError(
      'onCancel',
      options.onCancel,
      'no value for the whole module; set it on @Durable() methods, the only ones that a queue can store',
    );
  }
  const { isGlobal, pools, shutdown = {}, threads, blockingThreshold = '50ms', waitUntil, telemetry = true } = options;
  if (isGlobal !== undefined) {
    // forRoot() has removed it; Nest must know it before any factory runs.
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
