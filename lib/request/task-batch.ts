import type { TaskConfig } from '../task/task-config.js';
import type { TaskFunction, TaskWork } from '../task/task-parts.js';
import type { NoGenerator, TaskResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import {
  configured,
  scheduling,
  type AnyTaskConfig,
  type ConfiguredThreadTask,
  type ThreadTaskConfig,
} from '../scheduler/configured-task.js';
import { ENQUEUE_LATER, enqueuing, type ConfiguredRequestTask, type EnqueueLater } from './enqueue.js';
import type { ExecutionWriter } from '../queue/client/execution-writer.js';
import type { EnqueueCall } from './enqueue-call.js';
import { isDueOn, reasonToDiscard, type RouteOutcome } from './route-outcome.js';
import type { Execution } from '../queue/client/execution.js';
import type { AddingCall } from '../queue/client/adding-call.js';

/** Later moments of a request. */
export type BatchTiming = 'afterRoute' | 'afterResponse';

/** Creates the tasks of its batches. */
export interface BatchTasks {
  readonly writer: ExecutionWriter;
  readonly runner: TaskRunner;
  create(timing: BatchTiming, own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task;
  createEnqueue(timing: BatchTiming, call: EnqueueCall): Task<Execution>;
}

/**
 * Tasks that are held until their moment in the request, then started in the order in which they were scheduled. A late
 * one starts at once.
 *
 * @publicApi
 */
export class TaskBatch {
  private readonly tasks: BatchTasks;
  private readonly timing: BatchTiming;
  private held: Task[] = [];
  private outcome: RouteOutcome | undefined;
  private isOpen = false;

  /** @internal */
  constructor(tasks: BatchTasks, timing: BatchTiming) {
    this.tasks = tasks;
    this.timing = timing;
  }

  /**
   * Schedules `func(...args)` for the moment of the batch. After that moment it starts at once.
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
   * tasks.afterResponse.schedule(this.mail.send, user.email, 'Welcome!');
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
   * tasks.afterRoute.task({ name: 'audit', runOn: 'always' }).schedule(this.audits.save, order.id);
   * ```
   */
  task(config?: TaskConfig & { thread?: undefined }): ConfiguredRequestTask<EnqueueLater>;
  /**
   * Takes options for a function that runs in a worker thread: for work that would block the event loop. Arguments and
   * result are structured clones; abort, by `cancel()`, a timeout or shutdown, ends the thread. Needs the package
   * `piscina`.
   *
   * @throws {TasksConfigError} when an option cannot be used.
   * @example
   * ```ts
   * const thread = { file: new URL('./thumbnail.js', import.meta.url), export: 'resize' };
   * tasks.afterResponse.task<typeof import('./thumbnail.js').resize>({ thread, shield: true }).schedule(photo, 200);
   * ```
   */
  task<F extends (...args: never[]) => unknown = (...args: unknown[]) => unknown>(
    config: ThreadTaskConfig,
  ): ConfiguredThreadTask<F>;
  task(
    config: AnyTaskConfig = {},
  ): ConfiguredRequestTask<EnqueueLater> | ConfiguredThreadTask<(...args: unknown[]) => unknown> {
    return configured(this, config);
  }

  /**
   * Adds a durable task to the queue at the moment of the batch. `afterRoute` writes all of its additions together when
   * the handler has succeeded, and the response waits until they are accepted. A refusal becomes a 503 and discards
   * both batches. `afterResponse` writes after the response.
   *
   * @param task a method with `@Durable()`, or its name.
   * @returns a function that takes the task's arguments, and returns the {@link Task} that writes, whose `result()` is
   * the execution.
   * @throws {TaskNotRegisteredError} at once, when this process declares no such task and `remote` is not set.
   * @throws {TaskArgumentError} at once, when an option or an argument cannot be used.
   * @throws {TasksUsageError} `REPLY_UNDERWAY` of `afterRoute`, when the handler replies through `@Res()`, or over
   * server-sent events; `NO_ROUTE` of `afterRoute`, in a route without `@Tasks()`.
   * @example
   * ```ts
   * tasks.afterRoute.enqueue(this.orders.process, { key: `order:${order.id}` })(order.id);
   * ```
   */
  get enqueue(): EnqueueLater {
    return enqueuing(this, undefined);
  }

  /** @internal */
  get enqueueCall(): AddingCall {
    return ENQUEUE_LATER;
  }

  /** @internal */
  configure(own: TaskConfig): ConfiguredRequestTask<EnqueueLater> {
    return { schedule: scheduling(this, own), enqueue: enqueuing(this, own) };
  }

  /** @internal */
  get writer(): ExecutionWriter {
    return this.tasks.writer;
  }

  /** Decides which tasks run, and discards the others. The first outcome counts. @internal */
  settle(outcome: RouteOutcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.release();
  }

  /** Starts tasks from now on. @returns the due tasks, for the caller to start. @internal */
  take(): Task[] {
    this.isOpen = true;
    return this.decide();
  }

  /**
   * Holds a task until the moment has come.
   *
   * @throws {TaskPoolFullError} when its pool is full, and is to reject.
   * @internal
   */
  hold(task: Task): void {
    this.tasks.runner.admit(task);
    this.held.push(task);
    this.release();
  }

  /** @internal */
  submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const task = this.tasks.create(this.timing, own, work, args);
    this.hold(task);
    return task;
  }

  /** @internal */
  submitEnqueue(call: EnqueueCall): Task<Execution> {
    return this.tasks.createEnqueue(this.timing, call);
  }

  private release(): void {
    for (const task of this.decide()) this.tasks.runner.submit(task);
  }

  /** Removes each task that is decided on. @returns the tasks to start. */
  private decide(): Task[] {
    const { outcome } = this;
    if (outcome === undefined || this.held.length === 0) return [];
    const due: Task[] = [];
    const excluded: Task[] = [];
    for (const task of this.held) (isDueOn(outcome, task) ? due : excluded).push(task);
    this.held = this.isOpen ? [] : due;
    for (const task of excluded) this.tasks.runner.discard(task, reasonToDiscard(outcome));
    return this.isOpen ? due : [];
  }
}
