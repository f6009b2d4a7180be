import { Injectable } from '@nestjs/common';
import { DurableRegistry } from '../queue/declaration/durable-registry.js';
import { QueueWorker } from '../queue/worker/queue-worker.js';
import { OpenTasks } from '../scheduler/open-tasks.js';
import { TasksShutdown } from '../scheduler/tasks-shutdown.js';
import { parseDuration, type Duration } from '../task/duration.js';
import type { Task } from '../task/task.js';
import { QueueLook } from './queue-look.js';

/**
 * Options of {@link TasksHealthIndicator}.
 *
 * @publicApi
 */
export interface TasksHealthOptions {
  /** Age of a running task from which the status is down: the task hangs, or should be split. Default: no limit. */
  maxAge?: Duration | undefined;
  /**
   * Time since the oldest waiting execution of the queue was due from which the status is down. It is the same in every
   * process of the fleet: use it where an alert is raised, not where processes are restarted. Default: no limit.
   */
  maxOldestWait?: Duration | undefined;
}

/**
 * Health of the tasks of this process.
 *
 * @publicApi
 */
export interface TasksHealth {
  readonly status: 'up' | 'down';
  /** Reason for being down. */
  readonly message?: string;
  /** True after the shutdown has begun: this process should get no more requests. */
  readonly draining: boolean;
  /** Number of tasks that have started and not finished. */
  readonly running: number;
  /** Number of tasks that wait for a slot. Tasks held for their request do not count. */
  readonly waiting: number;
  /** Time since the start of the oldest running task, its `onError` and retries included, in milliseconds; else 0. */
  readonly oldestAge: number;
  /** Function and id of the oldest task. Not its name, which may hold user input: health pages are often public. */
  readonly oldestTask?: string;
  /** True while the worker of this process claims: it was started, the queue is not paused, and the broker answers. */
  readonly claiming: boolean;
  /**
   * Time since the oldest waiting execution of the fleet was due, in milliseconds, as a look of the last seconds has shown
   * it. Missing where nothing waits, where this process declares no durable task, and before the first look.
   */
  readonly oldestWait?: number;
}

/** Age from which a check looks at the queue again, for the next one, in milliseconds. */
const LOOK_AGE = 5_000;

/**
 * Reports the health of tasks to `@nestjs/terminus`. Down when a task has run for too long, and from the start of
 * shutdown, so that load balancers stop sending. Plain data, which works without Terminus too.
 *
 * @example
 * ```ts
 * @Get('health')
 * @HealthCheck()
 * check() {
 *   return this.health.check([() => this.tasks.check('tasks', { maxAge: '5m' })]);
 * }
 * ```
 * @publicApi
 */
@Injectable()
export class TasksHealthIndicator {
  constructor(
    private readonly openTasks: OpenTasks,
    private readonly shutdown: TasksShutdown,
    private readonly worker: QueueWorker,
    private readonly registry: DurableRegistry,
    private readonly look: QueueLook,
  ) {}

  /**
   * Checks the health.
   *
   * @param key name of the result.
   * @throws {TasksConfigError} when `maxAge` or `maxOldestWait` is not a duration.
   */
  check<const K extends string = 'tasks'>(
    key: K = 'tasks' as K,
    { maxAge, maxOldestWait }: TasksHealthOptions = {},
  ): Record<K, TasksHealth> {
    const limit = maxAge === undefined ? Infinity : parseDuration('maxAge', maxAge);
    const longest = maxOldestWait === undefined ? Infinity : parseDuration('maxOldestWait', maxOldestWait);
    const oldestWait = this.registry.ownNames.length === 0 ? undefined : this.look.last(LOOK_AGE)?.total.oldestWait;
    const tasks = this.openTasks.list();
    const running = tasks.filter((task) => task.isStarted);
    const oldest = oldestOf(running);
    const draining = this.shutdown.isDraining;
    const message = messageOf(draining, oldest, limit) ?? lateness(oldestWait, longest);
    const health: TasksHealth = {
      status: message === undefined ? 'up' : 'down',
      ...(message !== undefined && { message }),
      draining,
      running: running.length,
      waiting: tasks.filter(({ isStarted, state }) => !isStarted && state.isSubmitted).length,
      oldestAge: Math.round(oldest?.age ?? 0),
      ...(oldest !== undefined && { oldestTask: oldest.label }),
      claiming: this.worker.isClaiming,
      ...(oldestWait !== undefined && { oldestWait }),
    };
    return { [key]: health } as Record<K, TasksHealth>;
  }
}

interface Oldest {
  readonly label: string;
  /** Age in milliseconds. */
  readonly age: number;
}

/** Finds the oldest task. A retry after `done` counts from its own start, which is not recorded. */
function oldestOf(running: readonly Task[]): Oldest | undefined {
  const [oldest] = running
    .filter(({ state }) => !state.isFinished)
    .map((task) => ({ task, startedAt: task.state.startedAt ?? Infinity }))
    .toSorted((one, other) => one.startedAt - other.startedAt);
  if (oldest === undefined) return undefined;
  const { task, startedAt } = oldest;
  return { label: `${task.functionName}#${task.id}`, age: performance.now() - startedAt };
}

function messageOf(draining: boolean, oldest: Oldest | undefined, limit: number): string | undefined {
  if (draining) return 'shutdown has begun';
  if (oldest === undefined || oldest.age <= limit) return undefined;
  return `${oldest.label} has run for ${(oldest.age / 1_000).toFixed(1)} s, and maxAge is ${limit / 1_000} s`;
}

function lateness(oldestWait: number | undefined, longest: number): string | undefined {
  if (oldestWait === undefined || oldestWait <= longest) return undefined;
  return `an execution has waited for ${(oldestWait / 1_000).toFixed(1)} s, and maxOldestWait is ${longest / 1_000} s`;
}
