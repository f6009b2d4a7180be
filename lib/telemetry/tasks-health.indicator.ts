import { Injectable } from '@nestjs/common';
import { OpenTasks } from '../scheduler/open-tasks.js';
import { TasksShutdown } from '../scheduler/tasks-shutdown.js';
import { parseDuration, type Duration } from '../task/duration.js';
import type { Task } from '../task/task.js';

/**
 * What {@link TasksHealthIndicator} is to look at.
 *
 * @publicApi
 */
export interface TasksHealthOptions {
  /** The tasks are down when one has run for longer: it hangs, or it should be many. Default: no limit. */
  maxAge?: Duration | undefined;
}

/**
 * How the tasks of this process are.
 *
 * @publicApi
 */
export interface TasksHealth {
  readonly status: 'up' | 'down';
  /** Why it is down. */
  readonly message?: string;
  /** Shutdown has begun: no more requests should be sent here. */
  readonly draining: boolean;
  /** How many tasks have started and not finished. */
  readonly running: number;
  /** How many tasks wait for a slot. Those that wait for their request do not count. */
  readonly waiting: number;
  /** For how long the oldest running task has run, its `onError` and the retries in it included, in milliseconds; else 0. */
  readonly oldestAge: number;
  /** Its function and id. Not its name, which may hold what users typed: health pages are often open to all. */
  readonly oldestTask?: string;
}

/**
 * Tells `@nestjs/terminus` how tasks are: down as soon as shutdown has begun, so that load balancers stop sending, and
 * when a task has run for too long. Plain data, so that it works without Terminus, too.
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
  ) {}

  /**
   * @param key what the result is to be called by.
   * @throws {TasksConfigError} when `maxAge` is no duration.
   */
  check<const K extends string = 'tasks'>(
    key: K = 'tasks' as K,
    { maxAge }: TasksHealthOptions = {},
  ): Record<K, TasksHealth> {
    const limit = maxAge === undefined ? Infinity : parseDuration('maxAge', maxAge);
    const tasks = this.openTasks.list();
    const running = tasks.filter((task) => task.isStarted);
    const oldest = oldestOf(running);
    const draining = this.shutdown.isDraining;
    const message = messageOf(draining, oldest, limit);
    const health: TasksHealth = {
      status: message === undefined ? 'up' : 'down',
      ...(message !== undefined && { message }),
      draining,
      running: running.length,
      waiting: tasks.filter(({ isStarted, state }) => !isStarted && state.isSubmitted).length,
      oldestAge: Math.round(oldest?.age ?? 0),
      ...(oldest !== undefined && { oldestTask: oldest.label }),
    };
    return { [key]: health } as Record<K, TasksHealth>;
  }
}

interface Oldest {
  readonly label: string;
  /** In milliseconds. */
  readonly age: number;
}

/** One that is retried after its `done` is as old as the retry, which nobody has timed. */
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
