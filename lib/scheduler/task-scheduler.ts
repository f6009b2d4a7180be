import { Inject, Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { ConfigLayer } from '../task/config-layer.js';
import type { TaskConfig } from '../task/task-config.js';
import type { TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import { TaskEvents, type TaskCounts, type TaskEvent } from './task-events.js';
import { TaskFactory, type LayeredPlace } from './task-factory.js';
import { TaskLedger } from './task-ledger.js';
import type { TaskPoolState } from './task-pool.js';
import { TaskRunner } from './task-runner.js';
import { TaskSurface, type ConfiguredTask } from './task-surface.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

/**
 * Runs tasks outside of requests: from cron jobs, gateways, bootstrap hooks and tasks themselves. A singleton, and the
 * place to watch all tasks of the application.
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
export class TaskScheduler extends TaskSurface {
  /**
   * Every transition of every task, with its reason. Completes when shutdown has cancelled or awaited the running
   * tasks, before Nest closes the HTTP server: a response that streams it does not hold the server open.
   */
  readonly events$: Observable<TaskEvent>;

  private readonly place: LayeredPlace;

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    private readonly factory: TaskFactory,
    private readonly runner: TaskRunner,
    private readonly ledger: TaskLedger,
    private readonly events: TaskEvents,
  ) {
    super();
    this.events$ = events.events$;
    const layer = new ConfigLayer(options.config);
    this.place = { timing: 'immediate', layer, origin: undefined, isUnlimited: false };
  }

  /** The tasks that have started and not finished: their function runs, or their `onError`, or a retry. */
  get running(): readonly Task[] {
    return [...this.ledger].filter((task) => task.isStarted);
  }

  /** How full each pool is: `default`, whose limit is the module's `concurrency`, and those of `pools`. */
  get pools(): Readonly<Record<string, TaskPoolState>> {
    return this.runner.pools;
  }

  /** How often each transition has happened since the application started. */
  get counts(): TaskCounts {
    return { ...this.events.counts };
  }

  /**
   * Resolves when nothing runs or waits, no `onError` runs, and no open request holds a task for later. What tests wait
   * on instead of sleeping.
   *
   * @example
   * ```ts
   * await request(app.getHttpServer()).post('/orders').expect(201);
   * await app.get(TaskScheduler).idle();
   * expect(mails).toHaveLength(1);
   * ```
   */
  idle(): Promise<void> {
    return this.ledger.idle();
  }

  /** @internal */
  protected override configure(own: TaskConfig): ConfiguredTask {
    return this.scheduling(own);
  }

  /** @internal */
  protected override submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const task = this.factory.create(this.place, own, work, args);
    this.runner.start(task);
    return task;
  }
}
