import { KnownOptions } from '../task/known-options.js';
import { TASK_CONFIG_NAMES, validateTaskConfig, type TaskConfig } from '../task/task-config.js';
import type { TaskFunction, TaskWork, ThreadFunctionOptions } from '../task/task-parts.js';
import type { NoGenerator, TaskResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import { validateThread } from '../threads/thread-options.js';

/**
 * Result of `task({...})`: the same `schedule`, with these options. Reusable; each call is a new task.
 *
 * @publicApi
 */
export interface ConfiguredTask {
  /** Schedules a task: see {@link TaskScheduler.schedule}. */
  schedule<A extends unknown[], R>(
    func: TaskFunction<A, R> & NoGenerator<R>,
    ...args: NoInfer<A>
  ): Task<TaskResult<R>, A>;
}

/**
 * Result of `task({ thread, ... })`: `schedule` takes the arguments alone. Reusable; each call is a new task.
 *
 * @publicApi
 */
export interface ConfiguredThreadTask<F extends (...args: never[]) => unknown> {
  /**
   * Runs the thread's function with a structured clone of `args`.
   *
   * @throws {TasksUsageError} `PACKAGE_MISSING` when `piscina` is not installed.
   */
  schedule(...args: Parameters<F>): Task<Awaited<ReturnType<F>>, Parameters<F>>;
}

/**
 * Options of a task whose function runs in a worker thread.
 *
 * @publicApi
 */
export interface ThreadTaskConfig extends TaskConfig {
  thread: ThreadFunctionOptions;
}

/** Options of other libraries and other places, with their replacements. */
const TASK_OPTIONS = new KnownOptions<ThreadTaskConfig>(
  { ...TASK_CONFIG_NAMES, thread: true },
  {
    shielded: 'shield',
    retry: 'task.retry() in onError, or a method with @Durable(name, { retry: { attempts } })',
    retries: 'task.retry() in onError, or a method with @Durable(name, { retry: { attempts } })',
    attempts: 'task.retry() in onError, or a method with @Durable(name, { retry: { attempts } })',
    concurrency: 'pool, with pools: { mail: { concurrency } } in TasksModule.forRoot()',
    delay: 'a method with @Durable(), and queue.add(task, { when })',
    when: 'a method with @Durable(), and queue.add(task, { when })',
    key: 'a method with @Durable(), and queue.add(task, { key })',
    priority: 'a method with @Durable(), and queue.add(task, { priority })',
  },
);

/** Options of `task({...})`, with or without a thread. */
export type AnyTaskConfig = TaskConfig & { thread?: ThreadFunctionOptions | undefined };

/** Creates tasks of functions, and the result of `task({...})`. */
export interface TaskSubmitter<C extends ConfiguredTask> {
  submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task;
  configure(own: TaskConfig): C;
}

/** Implements `task({...})` for every place where tasks are scheduled. */
export function configured<C extends ConfiguredTask>(
  submitter: TaskSubmitter<C>,
  config: AnyTaskConfig,
): C | ConfiguredThreadTask<(...args: unknown[]) => unknown> {
  TASK_OPTIONS.check(config, 'task()');
  validateTaskConfig(config, 'task().');
  const { thread, ...own } = config; // the caller may change its object later
  if (thread === undefined) return submitter.configure(own);
  const work = validateThread(thread, 'task().thread');
  return { schedule: (...args: unknown[]) => submitter.submit(own, work, args) as Task<unknown, unknown[]> };
}

/** Creates the `schedule` of {@link ConfiguredTask}. */
export function scheduling(submitter: TaskSubmitter<ConfiguredTask>, own: TaskConfig): ConfiguredTask['schedule'] {
  return <A extends unknown[], R>(func: TaskFunction<A, R> & NoGenerator<R>, ...args: NoInfer<A>) =>
    submitter.submit(own, func, args) as Task<TaskResult<R>, A>;
}
