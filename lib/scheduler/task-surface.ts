import { validateTaskConfig, type TaskConfig } from '../task/task-config.js';
import type { TaskFunction } from '../task/task-parts.js';
import type { Task } from '../task/task.js';

/**
 * What `task({...})` returns: the same `schedule`, with these options. Reusable; each call is a new task.
 *
 * @publicApi
 */
export interface ConfiguredTask {
  /** See {@link TaskSurface.schedule}. */
  schedule<A extends unknown[], R>(func: TaskFunction<A, R>, ...args: NoInfer<A>): Task<Awaited<R>, A>;
}

/**
 * The two calls that schedule, the same wherever tasks are scheduled.
 *
 * @publicApi
 */
export abstract class TaskSurface {
  /**
   * Schedules `func(...args)`. Returns at once and never calls the function inline.
   *
   * @param func sync or async. A provider's method may be passed unbound and runs on its provider.
   * @param args passed on as they are, by reference: pass values rather than objects that change later.
   * @throws {TypeError} when `func` is not a function.
   * @throws {TasksConfigError} when the task's `onError` is a class that no module provides.
   * @throws {TaskHostError} when `func` is a decorated method whose provider cannot be told.
   * @example
   * ```ts
   * tasks.schedule(this.mail.send, user.email, 'Welcome!');
   * ```
   */
  schedule<A extends unknown[], R>(func: TaskFunction<A, R>, ...args: NoInfer<A>): Task<Awaited<R>, A> {
    return this.submit(undefined, func, args) as Task<Awaited<R>, A>;
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
  task(config: TaskConfig = {}): ConfiguredTask {
    validateTaskConfig(config, 'task().');
    const own = { ...config }; // the caller may go on changing theirs
    return {
      schedule: <A extends unknown[], R>(func: TaskFunction<A, R>, ...args: NoInfer<A>) =>
        this.submit(own, func, args) as Task<Awaited<R>, A>,
    };
  }

  /** @internal */
  protected abstract submit(
    own: TaskConfig | undefined,
    func: (...args: never[]) => unknown,
    args: readonly unknown[],
  ): Task;
}
