import { TaskSurface, type ConfiguredTask } from '../scheduler/task-surface.js';
import type { TaskConfig } from '../task/task-config.js';
import type { TaskFunction } from '../task/task-parts.js';
import type { AddOptions, AnyTask } from '../queue/execution-adder.js';
import type { Execution } from '../queue/execution.js';
import type { Enqueuer } from './enqueuer.js';
import type { EnqueueCall } from './enqueues.js';

/**
 * Adds a durable task to the queue, at a moment of the request.
 *
 * @publicApi
 */
export interface Enqueue {
  <A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options?: AddOptions,
  ): (...args: A) => Promise<Execution<Awaited<R>>>;
  (task: string, options?: AddOptions): (...args: unknown[]) => Promise<Execution>;
}

/**
 * What `task({...})` of a request's tasks returns.
 *
 * @publicApi
 */
export interface ConfiguredRequestTask extends ConfiguredTask {
  /** See {@link EnqueuingSurface.enqueue}. The options are those of the writing, not of the durable task. */
  readonly enqueue: Enqueue;
}

/**
 * The calls by which a request schedules what runs in this process, and adds what any worker of the fleet may run.
 *
 * @publicApi
 */
export abstract class EnqueuingSurface extends TaskSurface<ConfiguredRequestTask> {
  /**
   * Adds a durable task, as `queue.add()` does: of the service itself at once. `afterRoute.enqueue()` writes all of its
   * additions in one step when the handler has succeeded, and the response waits until they are accepted; if they are
   * not, it is a 503 and both batches are discarded. `afterResponse.enqueue()` writes after the response.
   *
   * @param task a method with `@Durable()`, or its name.
   * @returns a function that takes the task's arguments. It returns a promise of the execution, which need not be
   * awaited: the batches' must not be, for they settle when the handler has returned.
   * @throws {TaskNotRegisteredError} when this process declares no such task and `remote` is not set. At once.
   * @throws {TaskArgumentError} when an option or an argument cannot be used. Of the batches at once.
   * @throws {ReplyUnderwayError} of `afterRoute`, when the handler replies by itself, or over server-sent events.
   * @example
   * ```ts
   * tasks.afterRoute.enqueue(this.orders.process, { key: `order:${order.id}` })(order.id);
   * ```
   */
  get enqueue(): Enqueue {
    return this.enqueuing(undefined);
  }

  /** @internal */
  protected override configure(own: TaskConfig): ConfiguredRequestTask {
    return { ...this.scheduling(own), enqueue: this.enqueuing(own) };
  }

  /** @internal */
  protected abstract readonly enqueuer: Enqueuer;

  /** @internal */
  protected abstract submitEnqueue(call: EnqueueCall): Promise<Execution<never>>;

  private enqueuing(own: TaskConfig | undefined): Enqueue {
    return (task: AnyTask, options: AddOptions = {}) => {
      const name = this.enqueuer.nameOf(task, options);
      return (...args: unknown[]) => this.submitEnqueue({ own, name, options, args });
    };
  }
}
