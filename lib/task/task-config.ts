import type { Type } from '@nestjs/common';
import { parseDuration, type Duration } from './duration.js';
import type { OnTaskErrorOption, ResolvedTaskConfig, RunOn, TaskErrorHandler } from './task.js';
import { TasksConfigError } from './task-errors.js';

/**
 * Options of a task. In every field `undefined` inherits from the layer below, `null` clears that layer's value, and
 * any other value, `false` included, overrides it. Layers, weakest first: module, controller class, route handler, task
 * method, `task({...})`.
 *
 * @publicApi
 */
export interface TaskConfig {
  /** Name of the task in logs and events. Default: the function's name, or `'anonymous'`. */
  name?: string | null | undefined;
  /** Lets the task, its `onError` and its retries finish before the application shuts down. Default `false`. */
  shield?: boolean | null | undefined;
  /** Error handler, called after the failure was logged. Default: none. */
  onError?: OnTaskErrorOption | null | undefined;
  /** Outcome of the route for which a batch's task runs. Default `'success'`. */
  runOn?: RunOn | null | undefined;
  /**
   * Time limit from the task's start. Then its signal is aborted and it fails with `TaskTimeoutError`. Default: none.
   */
  timeout?: Duration | null | undefined;
  /**
   * Action for a task that shutdown cancels. `'enqueue'` adds it to the queue with its arguments, and another process
   * runs it from its beginning. For methods with `@Durable()`. Default: none.
   */
  onCancel?: 'enqueue' | null | undefined;
  /**
   * Name of the module's pool that limits the task in this process. Runs of durable tasks are in no pool; use
   * `@ConcurrencyLimit()` for them. Default: no named pool, only the module's own `concurrency`.
   */
  pool?: string | null | undefined;
  /**
   * Context of `AsyncLocalStorage` in which the task runs. `'inherit'`: the caller's, with its request id and its
   * tenant. `'none'`: an empty one, so that a transaction kept in an `AsyncLocalStorage` does not reach the task after
   * its end. Default `'inherit'`.
   */
  asyncContext?: 'inherit' | 'none' | null | undefined;
}

/** Names of the options of every task, for types that extend them. */
export const TASK_CONFIG_NAMES = {
  name: true,
  shield: true,
  onError: true,
  runOn: true,
  timeout: true,
  onCancel: true,
  pool: true,
  asyncContext: true,
} as const satisfies Record<keyof TaskConfig, true>;

const FIELDS = Object.keys(TASK_CONFIG_NAMES) as (keyof TaskConfig)[];
const RUN_ON: readonly unknown[] = ['success', 'error', 'always'] satisfies RunOn[];
const ASYNC_CONTEXTS: readonly unknown[] = ['inherit', 'none'] satisfies TaskConfig['asyncContext'][];

/**
 * Lays `override` over `base`. Neither is changed; `null` is kept, so layers may be merged in any grouping.
 *
 * @example
 * ```ts
 * mergeTaskConfig({ name: 'a', shield: true }, { shield: false }); // { name: 'a', shield: false }
 * ```
 * @publicApi
 */
export function mergeTaskConfig(base: TaskConfig, override: TaskConfig): TaskConfig {
  const merged: Record<string, unknown> = {};
  for (const field of FIELDS) {
    const value = override[field] === undefined ? base[field] : override[field];
    if (value !== undefined) merged[field] = value;
  }
  return merged;
}

/** Fills in the defaults and clears every `null`. Expects a config that {@link validateTaskConfig} has passed. */
export function resolveTaskConfig(config: TaskConfig): ResolvedTaskConfig {
  const { name, shield, onError, runOn, timeout, onCancel, pool, asyncContext } = config;
  return Object.freeze({
    ...(name != null && { name }),
    shield: shield ?? false,
    ...(onError != null && { onError }),
    runOn: runOn ?? 'success',
    ...(timeout != null && { timeout: parseDuration('timeout', timeout, 1) }),
    ...(onCancel != null && { onCancel }),
    ...(pool != null && { pool }),
    ...(asyncContext === 'none' && { asyncContext }),
  });
}

/**
 * Checks every field. Unknown names are {@link KnownOptions}' part: they depend on where the config stands.
 *
 * @param where prefixes the option in the message, such as `task().`
 * @throws {TasksConfigError} on the first field that cannot be used.
 */
export function validateTaskConfig(config: TaskConfig, where = ''): void {
  if (typeof config !== 'object' || config === null) {
    throw new TasksConfigError(where === '' ? 'config' : where.replace(/\.$/, ''), config, 'an object');
  }
  const { name, shield, onError, runOn, timeout, onCancel, pool, asyncContext } = config;
  if (name != null && typeof name !== 'string') throw new TasksConfigError(`${where}name`, name, 'a string');
  if (shield != null && typeof shield !== 'boolean') {
    throw new TasksConfigError(`${where}shield`, shield, 'true or false');
  }
  if (onError != null) validateOnError(onError, `${where}onError`);
  if (runOn != null && !RUN_ON.includes(runOn)) {
    throw new TasksConfigError(`${where}runOn`, runOn, `'success', 'error' or 'always'`);
  }
  if (timeout != null) parseDuration(`${where}timeout`, timeout, 1);
  if (onCancel != null && onCancel !== 'enqueue') {
    throw new TasksConfigError(`${where}onCancel`, onCancel, `'enqueue'`);
  }
  if (pool != null && typeof pool !== 'string') throw new TasksConfigError(`${where}pool`, pool, 'the name of a pool');
  if (asyncContext != null && !ASYNC_CONTEXTS.includes(asyncContext)) {
    throw new TasksConfigError(`${where}asyncContext`, asyncContext, `'inherit' or 'none'`);
  }
}

/** Tells a provider class from a function. */
export function isErrorHandlerClass(onError: OnTaskErrorOption): onError is Type<TaskErrorHandler> {
  const { prototype } = onError as { prototype?: Partial<TaskErrorHandler> };
  return typeof prototype?.onTaskError === 'function';
}

function validateOnError(onError: unknown, option: string): void {
  const allowed = 'a function (task, error), or a provider class with a method onTaskError(task, error)';
  if (typeof onError !== 'function') throw new TasksConfigError(option, onError, allowed);
  // Otherwise the first failure would call a class without the method as a function, without `new`.
  const isClass = /^class\b/.test(Function.prototype.toString.call(onError));
  if (isClass && !isErrorHandlerClass(onError as OnTaskErrorOption)) {
    throw new TasksConfigError(option, onError, allowed);
  }
}
