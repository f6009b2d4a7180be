import { availableParallelism } from 'node:os';
import { isAbsolute } from 'node:path';
import type { ResourceLimits } from 'node:worker_threads';
import { KnownOptions } from '../task/known-options.js';
import { TasksConfigError } from '../task/task-errors.js';
import { parseDuration, type Duration } from '../task/duration.js';
import type { ThreadFunctionOptions } from '../task/task-parts.js';

/**
 * Worker threads of the process.
 *
 * @publicApi
 */
export interface ThreadPoolOptions {
  /** Maximum number of threads; further tasks wait. Default: the number of processors. */
  max?: number | undefined;
  /** Time that an idle thread is kept. Default `'10s'`. */
  idleTimeout?: Duration | undefined;
  /**
   * Limits of each thread, as in Node's `new Worker()`: a task whose thread needs more fails. Default: Node's, by the
   * memory of the machine.
   *
   * @example `{ maxOldGenerationSizeMb: 256 }`
   */
  resourceLimits?: ResourceLimits | undefined;
}

export interface ResolvedThreadPoolOptions {
  readonly max: number;
  /** Time in milliseconds. */
  readonly idleTimeout: number;
  readonly resourceLimits: ResourceLimits | undefined;
}

const THREADS = new KnownOptions<ThreadPoolOptions>(
  { max: true, idleTimeout: true, resourceLimits: true },
  { maxThreads: 'max', concurrency: 'max' },
);
const THREAD = new KnownOptions<ThreadFunctionOptions>(
  { file: true, export: true },
  { filename: 'file', path: 'file', name: 'export' },
);
const RESOURCE_LIMITS = new KnownOptions<ResourceLimits>({
  maxOldGenerationSizeMb: true,
  maxYoungGenerationSizeMb: true,
  codeRangeSizeMb: true,
  stackSizeMb: true,
});

/** Checks the options and fills in the defaults. @throws {TasksConfigError} on the first option that cannot be used. */
export function resolveThreadPoolOptions(options: ThreadPoolOptions = {}): ResolvedThreadPoolOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TasksConfigError('threads', options, 'an object with max, idleTimeout and resourceLimits');
  }
  THREADS.check(options, 'threads');
  const { max = availableParallelism(), idleTimeout = '10s', resourceLimits } = options;
  if (!(Number.isInteger(max) && max >= 1)) {
    throw new TasksConfigError('threads.max', max, 'a whole number from 1');
  }
  checkResourceLimits(resourceLimits);
  return { max, idleTimeout: parseDuration('threads.idleTimeout', idleTimeout), resourceLimits };
}

/** Checks a thread's function. @throws {TasksConfigError} when it cannot be used. */
export function validateThread(thread: ThreadFunctionOptions, option: string): ThreadFunctionOptions {
  if (typeof thread !== 'object' || thread === null) {
    throw new TasksConfigError(option, thread, `an object such as { file: new URL('./work.js', import.meta.url) }`);
  }
  THREAD.check(thread, option);
  const { file, export: name } = thread;
  const isUsable =
    file instanceof URL
      ? file.protocol === 'file:'
      : typeof file === 'string' && (isAbsolute(file) || file.startsWith('file:'));
  if (!isUsable) {
    throw new TasksConfigError(
      `${option}.file`,
      file,
      `a file: URL, such as new URL('./work.js', import.meta.url), or an absolute path`,
    );
  }
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    throw new TasksConfigError(`${option}.export`, name, 'the name of a function that the file exports');
  }
  return { file, export: name };
}

function checkResourceLimits(limits: ResourceLimits | undefined): void {
  if (limits === undefined) return;
  if (typeof limits !== 'object' || limits === null) {
    throw new TasksConfigError('threads.resourceLimits', limits, 'an object such as { maxOldGenerationSizeMb: 256 }');
  }
  RESOURCE_LIMITS.check(limits, 'threads.resourceLimits');
  for (const [name, limit] of Object.entries(limits)) {
    if (typeof limit === 'number' && limit > 0) continue;
    throw new TasksConfigError(`threads.resourceLimits.${name}`, limit, 'a number above 0, in megabytes');
  }
}
