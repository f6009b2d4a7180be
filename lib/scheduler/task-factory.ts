import { Inject, Injectable } from '@nestjs/common';
import type { ConfigLayer } from '../task/config-layer.js';
import type { TaskConfig } from '../task/task-config.js';
import { describeValue } from '../task/task-errors.js';
import type { TaskCall, TaskPlace, TaskRun, TaskWork } from '../task/task-parts.js';
import { Task, type ResolvedTaskConfig } from '../task/task.js';
import { Threads } from '../threads/threads.js';
import { ErrorHandlers } from './error-handlers.js';
import { ProviderMethods } from './provider-methods.js';
import { ShutdownHooks } from './shutdown-hooks.js';
import { TaskEvents } from './task-events.js';
import { ShutdownRequeue } from './shutdown-requeue.js';
import { OpenTasks } from './open-tasks.js';
import { TaskLog } from './task-log.js';
import { TaskRunner } from './task-runner.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

type AnyFunction = (...args: never[]) => unknown;

/** Place where tasks are scheduled, with its options. */
export interface LayeredPlace extends TaskPlace {
  readonly layer: ConfigLayer;
}

/** Place of all runs of durable executions. */
const RUN_PLACE: TaskPlace = { timing: 'immediate', origin: undefined, kind: 'run' };

/** Creates tasks: merges the layers of their options and finds the provider of an unbound method. */
@Injectable()
export class TaskFactory {
  constructor(
    private readonly methods: ProviderMethods,
    private readonly runner: TaskRunner,
    private readonly openTasks: OpenTasks,
    private readonly events: TaskEvents,
    private readonly errorHandlers: ErrorHandlers,
    private readonly threads: Threads,
    private readonly requeue: ShutdownRequeue,
    private readonly log: TaskLog,
    private readonly hooks: ShutdownHooks,
    @Inject(TASKS_OPTIONS) private readonly options: ResolvedTasksOptions,
  ) {}

  /**
   * Creates a task.
   *
   * @throws {TypeError} when `work` is neither a function nor one in a thread.
   * @throws {TasksConfigError} when its `onError` is a class that no module provides, or its pool does not exist.
   * @throws {TasksConfigError} when `onCancel` is set and the task is not durable.
   * @throws {TasksUsageError} `PACKAGE_MISSING` when it runs in a thread and `piscina` is not installed.
   * @throws {TasksUsageError} `TASK_HOST` when it is a method that needs its `this`, and the provider cannot be
   * determined.
   */
  create(place: LayeredPlace, own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const func = this.functionOf(work);
    const method = this.methods.find(func, place.origin?.contextId);
    const { layer } = place;
    const config =
      method === undefined && own === undefined ? layer.resolved : layer.with(method?.config ?? {}, own ?? {}).resolved;
    if (config.onError !== undefined) this.errorHandlers.check(config.onError);
    if (config.onCancel !== undefined) this.requeue.check(func, args);
    if (config.pool !== undefined) this.runner.checkPool(config.pool);
    const task = this.register(new Task(place, { func, args, host: method?.host }, config, this.runner));
    if (this.options.waitUntil !== undefined) this.holdPlatform(this.options.waitUntil, task);
    return task;
  }

  /** Creates the task of one run of a durable execution. */
  createRun(run: TaskRun, config: ResolvedTaskConfig, call: TaskCall): Task {
    return this.register(new Task(RUN_PLACE, call, config, this.runner, run));
  }

  private functionOf(work: TaskWork): AnyFunction {
    if (typeof work === 'function') return work;
    if (typeof work === 'object' && work !== null && 'file' in work) return this.threads.functionFor(work);
    throw new TypeError(
      `schedule() needs a function and got ${describeValue(work)}. Pass the function, then its arguments: schedule(sendMail, to), not schedule(sendMail(to)).`,
    );
  }

  private holdPlatform(waitUntil: (pending: Promise<unknown>) => void, task: Task): void {
    // Some platforms answer with a promise of their own.
    const held = new Promise((resolve) => resolve(waitUntil(task.state.done)));
    held.catch((error: unknown) => this.log.waitUntilFailed(task, error));
  }

  private register(task: Task): Task {
    // Tasks of the library itself are shielded without the user's request.
    if (!this.hooks.isSettled && task.shielded && task.kind !== 'enqueue') this.hooks.note(task);
    this.openTasks.add(task);
    this.events.emit('scheduled', task, task.timing);
    return task;
  }
}
