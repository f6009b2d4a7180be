import { KnownOptions } from '../task/known-options.js';
import { TasksConfigError } from '../task/task-errors.js';

/**
 * Policy for a task that finds its pool full. `'reject'`: `schedule()` throws. `'discard'`: the task is discarded, with
 * a warning. `'run'`: at its moment it waits like the others, and the longest-waiting task starts beyond the limit.
 *
 * @publicApi
 */
export type TaskOverflow = 'reject' | 'discard' | 'run';

/**
 * Limits of a pool.
 *
 * @publicApi
 */
export interface TaskPoolOptions {
  /** Maximum number of running tasks; the rest wait, first in first out. Default: no limit. */
  concurrency?: number | undefined;
  /**
   * Maximum number of waiting tasks, those that open requests hold for later included. 0 allows none. Default: no
   * limit.
   */
  maxQueue?: number | undefined;
  /** Policy for a task that finds the queue full. Default `'reject'`. */
  overflow?: TaskOverflow | undefined;
}

export type ResolvedTaskPoolOptions = Readonly<
  Required<{ [K in keyof TaskPoolOptions]: NonNullable<TaskPoolOptions[K]> }>
>;

/** Pool of tasks that name none; its limits are the module's own. */
export const DEFAULT_POOL = 'default';

/** Names of the limits of a pool, for types that extend them. */
export const TASK_POOL_NAMES = {
  concurrency: true,
  maxQueue: true,
  overflow: true,
} as const satisfies Record<keyof TaskPoolOptions, true>;

const TASK_POOL = new KnownOptions<TaskPoolOptions>(TASK_POOL_NAMES, {
  max: 'concurrency',
  limit: 'concurrency',
  size: 'concurrency',
  maxSize: 'maxQueue',
});

const OVERFLOWS: readonly unknown[] = ['reject', 'discard', 'run'] satisfies TaskOverflow[];

/** Checks the limits and fills in the defaults. @throws {TasksConfigError} on the first limit that cannot be used. */
export function resolveTaskPools(
  own: TaskPoolOptions,
  pools: Readonly<Record<string, TaskPoolOptions>> = {},
): ReadonlyMap<string, ResolvedTaskPoolOptions> {
  if (typeof pools !== 'object' || pools === null) {
    throw new TasksConfigError('pools', pools, `an object of pools by name, such as { mail: { concurrency: 5 } }`);
  }
  if (Object.hasOwn(pools, DEFAULT_POOL)) {
    throw new TasksConfigError(
      `pools.${DEFAULT_POOL}`,
      pools[DEFAULT_POOL],
      'other names; the limits of tasks without a pool are concurrency, maxQueue and overflow beside pools',
    );
  }
  return new Map([
    [DEFAULT_POOL, resolvePool('', own)],
    ...Object.entries(pools).map(([name, limits]) => [name, resolveNamedPool(`pools.${name}`, limits)] as const),
  ]);
}

function resolveNamedPool(where: string, limits: TaskPoolOptions): ResolvedTaskPoolOptions {
  if (typeof limits !== 'object' || limits === null) {
    throw new TasksConfigError(where, limits, 'an object with concurrency, maxQueue and overflow');
  }
  TASK_POOL.check(limits, where);
  return resolvePool(`${where}.`, limits);
}

function resolvePool(where: string, limits: TaskPoolOptions): ResolvedTaskPoolOptions {
  const { concurrency = Infinity, maxQueue = Infinity, overflow = 'reject' } = limits;
  checkLimit(`${where}concurrency`, concurrency, 1);
  checkLimit(`${where}maxQueue`, maxQueue, 0);
  if (!OVERFLOWS.includes(overflow))
    throw new TasksConfigError(`${where}overflow`, overflow, `'reject', 'discard' or 'run'`);
  if (concurrency === Infinity && maxQueue !== Infinity) {
    throw new TasksConfigError(
      `${where}maxQueue`,
      maxQueue,
      `a limit beside ${where}concurrency; without concurrency no task waits`,
    );
  }
  return { concurrency, maxQueue, overflow };
}

function checkLimit(option: string, limit: unknown, least: number): void {
  if (limit === Infinity || (Number.isInteger(limit) && (limit as number) >= least)) return;
  throw new TasksConfigError(option, limit, `a whole number from ${least}, or Infinity for no limit`);
}
