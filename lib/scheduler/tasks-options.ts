import { parseDuration, type Duration } from '../task/duration.js';
import { TasksConfigError } from '../task/task-errors.js';
import { mergeTaskConfig, validateTaskConfig, type TaskConfig } from '../task/task-config.js';

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
export interface SchedulerOptions extends TaskConfig {
  /** At most so many tasks run at once; the rest wait, first in first out. Default: no limit. */
  concurrency?: number | undefined;
  shutdown?: TasksShutdownOptions | undefined;
}

/** The options after checks and defaults. */
export interface ResolvedTasksOptions {
  readonly config: TaskConfig;
  readonly concurrency: number;
  readonly shutdown: {
    readonly gracePeriod: number;
    readonly timeout: number | undefined;
  };
}

export const TASKS_OPTIONS = Symbol('TASKS_OPTIONS');

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TasksConfigError} on the first option that cannot be used.
 */
export function resolveTasksOptions(options: SchedulerOptions & { isGlobal?: unknown }): ResolvedTasksOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TasksConfigError('TasksModule.forRoot()', options, 'an object of options, or nothing');
  }
  validateTaskConfig(options);
  const { isGlobal, concurrency = Infinity, shutdown = {} } = options;
  if (isGlobal !== undefined) {
    // forRoot() has taken it out; Nest must know it before any factory runs.
    throw new TasksConfigError('isGlobal', isGlobal, 'true or false beside useFactory, and not in what it returns');
  }
  if (concurrency !== Infinity && !(Number.isInteger(concurrency) && concurrency >= 1)) {
    throw new TasksConfigError('concurrency', concurrency, 'a whole number from 1, or Infinity for no limit');
  }
  if (typeof shutdown !== 'object' || shutdown === null) {
    throw new TasksConfigError('shutdown', shutdown, 'an object with gracePeriod and timeout');
  }
  const { gracePeriod = '1s', timeout } = shutdown;
  return {
    config: mergeTaskConfig({}, options),
    concurrency,
    shutdown: {
      gracePeriod: parseDuration('shutdown.gracePeriod', gracePeriod),
      timeout: timeout === undefined ? undefined : parseDuration('shutdown.timeout', timeout),
    },
  };
}
