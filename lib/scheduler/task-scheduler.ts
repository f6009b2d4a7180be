import { Inject, Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { ConfigLayer } from '../task/config-layer.js';
import type { TaskConfig } from '../task/task-config.js';
import type { TaskFunction, TaskWork } from '../task/task-parts.js';
import type { NoGenerator, TaskResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import { TaskEvents, type TaskCounts, type TaskEvent } from './task-events.js';
import { TaskFactory, type LayeredPlace } from './task-factory.js';
import { OpenTasks } from './open-tasks.js';
import type { TaskPoolState } from './task-pool.js';
import { TaskRunner } from './task-runner.js';
import {
  configured,
  scheduling,
  type ConfiguredTask,
  type AnyTaskConfig,
  type ConfiguredThreadTask,
  type ThreadTaskConfig,
} from './configured-task.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

/**
 * Runs tasks outside of requests: from cron jobs, gateways, bootstrap hooks and tasks themselves. A singleton, which
 * also observes all tasks of the application.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class Warmup implements OnApplicationBootstrap {
 *   constructor(private readonly scheduler: TaskScheduler, private readonly cache: CacheService) {}
 *   onApplicationBootstrap() {
 *     this.scheduler.task({ name: 'warm_cache', timeout: '1m' }).schedule(this.cache.warm);
 *   }
 * }
 * ```
 * @publicApi
 */
@Injectable()
export class TaskScheduler {
  /**
   * Transitions of every task, with their reasons. Completes when shutdown has cancelled or awaited the running tasks,
   * before Nest closes the HTTP server. A response that streams them does not hold the server open.
   */
  readonly events$: Observable<TaskEvent>;

  private readonly place: LayeredPlace;

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    private readonly factory: TaskFactory,
    private readonly runner: TaskRunner,
    private readonly openTasks: OpenTasks,
    private readonly events: TaskEvents,
  ) {
    this.events$ = events.events$;
    const layer = new ConfigLayer(options.config);
    this.place = { timing: 'immediate', layer, origin: undefined, kind: 'user' };
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
   * scheduler.schedule(this.cache.warm, 'prices');
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
   * scheduler.task({ name: 'warm_cache', shield: true, timeout: '1m' }).schedule(this.cache.warm, 'prices');
   * ```
   */
  task(config?: TaskConfig & { thread?: undefined }): ConfiguredTask;
  /**
   * Takes options for a function that runs in a worker thread: for work that would block the event loop. Arguments and
   * result are structured clones; abort, by `cancel()`, a timeout or shutdown, ends the thread. Needs the package
   * `piscina`.
   *
   * @throws {TasksConfigError} when an option cannot be used.
   * @example
   * ```ts
   * const thread = { file: new URL('./thumbnail.js', import.meta.url), export: 'resize' };
   * scheduler.task<typeof import('./thumbnail.js').resize>({ thread, shield: true }).schedule(photo, 200);
   * ```
   */
  task<F extends (...args: never[]) => unknown = (...args: unknown[]) => unknown>(
    config: ThreadTaskConfig,
  ): ConfiguredThreadTask<F>;
  task(config: AnyTaskConfig = {}): ConfiguredTask | ConfiguredThreadTask<(...args: unknown[]) => unknown> {
    return configured(this, config);
  }

  /** Tasks that have started and not finished: their function runs, or their `onError`, or a retry. */
  get running(): readonly Task[] {
    return this.openTasks.list().filter((task) => task.isStarted);
  }

  /** State of each pool: `default`, whose limit is the module's `concurrency`, and those of `pools`. */
  get pools(): Readonly<Record<string, TaskPoolState>> {
    return this.runner.pools;
  }

  /** Number of each transition since the application started. */
  get counts(): TaskCounts {
    return { ...this.events.counts };
  }

  /**
   * Resolves when nothing runs or waits, no `onError` runs, and no open request holds a task for later. Replaces sleeps
   * in tests.
   *
   * @example
   * ```ts
   * await request(app.getHttpServer()).post('/orders').expect(201);
   * await app.get(TaskScheduler).idle();
   * expect(mails).toHaveLength(1);
   * ```
   */
  idle(): Promise<void> {
    return this.openTasks.idle();
  }

  /** @internal */
  configure(own: TaskConfig): ConfiguredTask {
    return { schedule: scheduling(this, own) };
  }

  /** @internal */
  submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const task = this.factory.create(this.place, own, work, args);
    this.runner.start(task);
    return task;
  }
}
