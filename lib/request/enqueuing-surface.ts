import { TaskSurface, type ConfiguredTask } from '../scheduler/task-surface.js';
import type { TaskConfig } from '../task/task-config.js';
import type { TaskFunction } from '../task/task-parts.js';
import type { TaskResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import type { AddOptions, AnyTask } from '../queue/execution-adder.js';
import type { Execution } from '../queue/execution.js';
import type { Enqueuer } from './enqueuer.js';
import type { EnqueueCall } from './enqueue-call.js';

/**
 * Adds a durable task to the queue, now.
 *
 * @publicApi
 */
export interface Enqueue {
  <A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options?: AddOptions,
  ): (...args: A) => Promise<Execution<TaskResult<R>>>;
  (task: string, options?: AddOptions): (...args: unknown[]) => Promise<Execution>;
}

/**
 * Adds a durable task to the queue, at a later moment of the request. What it returns is the task that does so, whose
 * `result()` is the execution; not a promise, which a handler that awaits it would wait for for ever.
 *
 * @publicApi
 */
export interface EnqueueLater {
  <A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options?: AddOptions,
  ): (...args: A) => Task<Execution<TaskResult<R>>, A>;
  (task: string, options?: AddOptions): (...args: unknown[]) => Task<Execution>;
}

/**
 * What `task({...})` of a request's tasks returns.
 *
 * @publicApi
 */
export interface ConfiguredRequestTask<E extends Enqueue | EnqueueLater> extends ConfiguredTask {
  /** See {@link EnqueuingSurface.enqueue}. The options are those of the writing, not of the durable task. */
  readonly enqueue: E;
}

/**
 * The calls by which a request schedules what runs in this process, and adds what any worker of the fleet may run.
 *
 * @publicApi
 */
export abstract class EnqueuingSurface<E extends Enqueue | EnqueueLater> extends TaskSurface<ConfiguredRequestTask<E>> {
  /**
   * Adds a durable task. Of the service itself it is `queue.add()`: at once, and to be awaited. `afterRoute.enqueue()`
   * writes all of its additions together when the handler has succeeded, and the response waits until they are accepted;
   * if they are not, it is a 503 and both batches are discarded. `afterResponse.enqueue()` writes after the response.
   *
   * @param task a method with `@Durable()`, or its name.
   * @returns a function that takes the task's arguments, and returns a promise of the execution; of the batches the
   * {@link Task} that writes, whose `result()` is that.
   * @throws {TaskNotRegisteredError} when this process declares no such task and `remote` is not set. At once.
   * @throws {TaskArgumentError} when an option or an argument cannot be used. Of the batches at once.
   * @throws {ReplyUnderwayError} of `afterRoute`, when the handler replies by itself, or over server-sent events.
   * @example
   * ```ts
   * tasks.afterRoute.enqueue(this.orders.process, { key: `order:${order.id}` })(order.id);
   * ```
   */
  get enqueue(): E {
    return this.enqueuing(undefined);
  }

  /** @internal */
  protected override configure(own: TaskConfig): ConfiguredRequestTask<E> {
    return { ...this.scheduling(own), enqueue: this.enqueuing(own) };
  }

  /** @internal */
  protected abstract readonly enqueuer: Enqueuer;

  /** @internal */
  protected abstract submitEnqueue(call: EnqueueCall): Promise<Execution> | Task<Execution>;

  private enqueuing(own: TaskConfig | undefined): E {
    const enqueue = (task: AnyTask, options: AddOptions = {}) => {
      const name = this.enqueuer.nameOf(task, options);
      return (...args: unknown[]) => this.submitEnqueue({ own, name, options, args });
    };
    return enqueue as unknown as E;
  }
}
