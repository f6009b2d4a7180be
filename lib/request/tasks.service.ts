import type { TaskConfig } from '../task/task-config.js';
import type { TaskFunction, TaskWork } from '../task/task-parts.js';
import type { NoGenerator, TaskResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import type { ExecutionWriter } from '../queue/client/execution-writer.js';
import type { EnqueueCall } from './enqueue-call.js';
import type { Execution } from '../queue/client/execution.js';
import type { AddingCall } from '../queue/client/adding-call.js';
import {
  configured,
  scheduling,
  type AnyTaskConfig,
  type ConfiguredThreadTask,
  type ThreadTaskConfig,
} from '../scheduler/configured-task.js';
import { ENQUEUE, enqueuing, type ConfiguredRequestTask, type Enqueue } from './enqueue.js';
import type { TaskBatch } from './task-batch.js';

/** Operations of one request by timing. */
export interface TaskTimings {
  readonly writer: ExecutionWriter;
  readonly afterRoute: TaskBatch;
  readonly afterResponse: TaskBatch;
  /** Starts a task now. */
  start(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task;
  /** Adds a durable task now. */
  enqueue(call: EnqueueCall): Promise<Execution>;
}

/**
 * Schedules tasks at the right moment of a request. Request-scoped: inject it, or take it with `@Tasks()`, which does
 * not make the controller request-scoped too.
 *
 * @example
 * ```ts
 * @Post()
 * create(@Body() order: CreateOrder, @Tasks() tasks: TasksService) {
 *   tasks.task({ name: 'payment', shield: true }).schedule(this.payments.charge, order.id); // now
 *   tasks.afterRoute.schedule(this.stock.reserve, order.id); // after the handler, before the response
 *   tasks.afterRoute.enqueue(this.orders.ship)(order.id); // the same, and the response waits until it is recorded
 *   tasks.afterResponse.schedule(this.mail.confirm, order.email); // after the response
 *   return { status: 'processing' };
 * }
 * ```
 * @publicApi
 */
export class TasksService {
  private readonly timings: TaskTimings;

  /** @internal */
  constructor(timings: TaskTimings) {
    this.timings = timings;
  }

  /**
   * Schedules `func(...args)` now. Returns at once and never calls the function inline.
   *
   * @param func sync or async, or one that returns an Observable, which is subscribed to: its last value is the result.
   * A provider's method may be passed unbound and runs on its provider.
   * @param args passed on as they are, by reference: pass values rather than objects that change later.
   * @throws {TypeError} when `func` is not a function, or a generator function.
   * @throws {TasksConfigError} when the task's `onError` is a class that no module provides, or its `pool` is not one
   * of the module's `pools`.
   * @throws {TaskPoolFullError} when its pool is full and its `overflow` is `'reject'`.
   * @throws {TasksUsageError} `TASK_HOST` when `func` is a method that needs its `this`, and its provider cannot be
   * determined.
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
   * Takes options for the tasks scheduled through the result.
   *
   * @throws {TasksConfigError} when an option cannot be used.
   * @example
   * ```ts
   * tasks.task({ name: `payment_${id}`, shield: true, onError: refund }).schedule(finalize, id);
   * ```
   */
  task(config?: TaskConfig & { thread?: undefined }): ConfiguredRequestTask<Enqueue>;
  /**
   * Takes options for a function that runs in a worker thread: for work that would block the event loop. Arguments and
   * result are structured clones; abort, by `cancel()`, a timeout or shutdown, ends the thread. Needs the package
   * `piscina`.
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
    config: AnyTaskConfig = {},
  ): ConfiguredRequestTask<Enqueue> | ConfiguredThreadTask<(...args: unknown[]) => unknown> {
    return configured(this, config);
  }

  /**
   * Adds a durable task to the queue at once, as `queue.add()` does. Await it.
   *
   * @param task a method with `@Durable()`, or its name.
   * @returns a function that takes the task's arguments, and returns a promise of the execution.
   * @throws {TaskNotRegisteredError} at once, when this process declares no such task and `remote` is not set.
   * @throws {TaskArgumentError} at once, when an option does not exist. The promise rejects with it when an option or
   * an argument cannot be used.
   * @example
   * ```ts
   * await tasks.enqueue(this.orders.process, { key: `order:${order.id}` })(order.id);
   * ```
   */
  get enqueue(): Enqueue {
    return enqueuing(this, undefined);
  }

  /** Starts its tasks after the success of the handler, before the response is sent, which does not wait for them. */
  get afterRoute(): TaskBatch {
    return this.timings.afterRoute;
  }

  /** Starts its tasks when the response was sent, or its client has gone, and the handler has ended. */
  get afterResponse(): TaskBatch {
    return this.timings.afterResponse;
  }

  /** @internal */
  get enqueueCall(): AddingCall {
    return ENQUEUE;
  }

  /** @internal */
  configure(own: TaskConfig): ConfiguredRequestTask<Enqueue> {
    return { schedule: scheduling(this, own), enqueue: enqueuing(this, own) };
  }

  /** @internal */
  get writer(): ExecutionWriter {
    return this.timings.writer;
  }

  /** @internal */
  submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    return this.timings.start(own, work, args);
  }

  /** @internal */
  submitEnqueue(call: EnqueueCall): Promise<Execution> {
    return this.timings.enqueue(call);
  }
}
