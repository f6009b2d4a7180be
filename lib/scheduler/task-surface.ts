import { validateTaskConfig, type TaskConfig } from '../task/task-config.js';
import type { TaskFunction, TaskWork, ThreadOptions } from '../task/task-parts.js';
import type { NoGenerator, TaskResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import { validateThread } from '../threads/thread-options.js';

/**
 * What `task({...})` returns: the same `schedule`, with these options. Reusable; each call is a new task.
 *
 * @publicApi
 */
export interface ConfiguredTask {
  /** See {@link TaskSurface.schedule}. */
  schedule<A extends unknown[], R>(
    func: TaskFunction<A, R> & NoGenerator<R>,
    ...args: NoInfer<A>
  ): Task<TaskResult<R>, A>;
}

/**
 * What `task({ thread, ... })` returns: `schedule` takes the arguments alone. Reusable; each call is a new task.
 *
 * @publicApi
 */
export interface ConfiguredThreadTask<F extends (...args: never[]) => unknown> {
  /**
   * Runs the thread's function with a structured clone of `args`.
   *
   * @throws {PackageMissingError} when `piscina` is not installed.
   */
  schedule(...args: Parameters<F>): Task<Awaited<ReturnType<F>>, Parameters<F>>;
}

/**
 * The options of a task whose function runs in a worker thread.
 *
 * @publicApi
 */
export interface ThreadTaskConfig extends TaskConfig {
  thread: ThreadOptions;
}

/**
 * The two calls that schedule, the same wherever tasks are scheduled.
 *
 * @publicApi
 */
export abstract class TaskSurface<C extends ConfiguredTask = ConfiguredTask> {
  /**
   * Schedules `func(...args)`. Returns at once and never calls the function inline.
   *
   * @param func sync or async, or one that returns an Observable, which is subscribed to: its last value is the result. A
   * provider's method may be passed unbound and runs on its provider.
   * @param args passed on as they are, by reference: pass values rather than objects that change later.
   * @throws {TypeError} when `func` is not a function, or a generator function.
   * @throws {TasksConfigError} when the task's `onError` is a class that no module provides, or its `pool` is none of
   * the module's `pools`.
   * @throws {TaskPoolFullError} when its pool is full and its `overflow` is `'reject'`.
   * @throws {TaskHostError} when `func` is a method that needs its `this`, and the instance cannot be told.
   * @example
   * ```ts
   * tasks.schedule(this.mail.send, user.email, 'Welcome!');
   * ```
   */
  schedule<A extends unknown[], R>(
    func: TaskFunction<A, R> & NoGenerator<R>,
    ...args: NoInfer<A>
  ): Task<TaskResult<R>, A> {
    return this.submit(undefined, func, args) as Task<TaskResult<R>, A>;
  }

  /**
   * Options for the tasks that are scheduled through what it returns.
   *
   * @throws {TasksConfigError} when an option cannot be used.
   * @example
   * ```ts
   * tasks.task({ name: `payment_${id}`, shield: true, onError: refund }).schedule(finalize, id);
   * ```
   */
  task(config?: TaskConfig & { thread?: undefined }): C;
  /**
   * The same for a function that runs in a worker thread: for work that would hold the event loop. Arguments and result
   * are structured clones; abort, by `cancel()`, a timeout or shutdown, ends the thread. Needs the package `piscina`.
   *
   * @throws {TasksConfigError} when an option cannot be used.
   * @example
   * ```ts
   * const thread = { file: new URL('./thumbnail.js', import.meta.url), export: 'resize' };
   * tasks.task<typeof import('./thumbnail.js').resize>({ thread, shield: true }).schedule(photo, 200);
   * ```
   */
  task<F extends (...args: never[]) => unknown = (...args: unknown[]) => unknown>(
    config: ThreadTaskConfig,
  ): ConfiguredThreadTask<F>;
  task(
    config: TaskConfig & { thread?: ThreadOptions | undefined } = {},
  ): C | ConfiguredThreadTask<(...args: unknown[]) => unknown> {
    validateTaskConfig(config, 'task().');
    const { thread, ...own } = config; // the caller may go on changing theirs
    if (thread !== undefined) {
      const work = validateThread(thread, 'task().thread');
      return { schedule: (...args: unknown[]) => this.submit(own, work, args) as Task<unknown, unknown[]> };
    }
    return this.configure(own);
  }

  /** What `task({...})` returns for functions of this process. @internal */
  protected abstract configure(own: TaskConfig): C;

  /** @internal */
  protected scheduling(own: TaskConfig): ConfiguredTask {
    return {
      schedule: <A extends unknown[], R>(func: TaskFunction<A, R> & NoGenerator<R>, ...args: NoInfer<A>) =>
        this.submit(own, func, args) as Task<TaskResult<R>, A>,
    };
  }

  /** @internal */
  protected abstract submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task;
}
