import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { currentActivity } from '../task/task-activity.js';
import { TASK_LINES } from '../task/task-lines.js';
import type { Task } from '../task/task.js';
import { Threads } from '../threads/threads.js';
import { TaskEvents } from './task-events.js';
import { ShutdownRequeue } from './shutdown-requeue.js';
import { OpenTasks } from './open-tasks.js';
import { TaskLog } from './task-log.js';
import { TaskRunner } from './task-runner.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

const { warn: WARNINGS, log: NOTES } = TASK_LINES;

/** Maximum number of names in one line; at debug each task has its own line. */
const LISTED = 100;
const REPORT_INTERVAL = 10_000;

/** Source of tasks that starts them by itself, and records their ends elsewhere. */
export interface Drainable {
  /** Starts no more from now on. */
  close(): void;
  /** Resolves when the end of every ended task is recorded. */
  settled(): Promise<void>;
  /** Ends after the remaining tasks were given up. */
  end(): Promise<void>;
}

/**
 * Holds the application's shutdown for shielded tasks and cancels the others, in two phases. *Closing* comes before
 * other modules disconnect in their `onModuleDestroy`, while requests in flight are still served. *Final* comes when
 * Nest has closed the HTTP server, before other modules' `onApplicationShutdown`, and takes the tasks that those
 * requests left.
 *
 * Each phase runs once for all callers: Nest 11 runs all hooks twice when a signal arrives during `app.close()`.
 */
@Injectable()
export class TasksShutdown implements OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
  private closing: Promise<void> | undefined;
  private final: Promise<void> | undefined;
  /** Rest of `shutdown.timeout` for the remaining phases. */
  private budget: number | undefined;
  private readonly drainables: Drainable[] = [];
  private readonly reportedAsLeft = new WeakSet<Task>();
  /** Tasks that have called `app.close()`. They may await it, so it must not wait for them. */
  private readonly askers = new Set<Task>();

  constructor(
    @Inject(TASKS_OPTIONS) private readonly options: ResolvedTasksOptions,
    private readonly openTasks: OpenTasks,
    private readonly runner: TaskRunner,
    private readonly events: TaskEvents,
    private readonly log: TaskLog,
    private readonly requeue: ShutdownRequeue,
    private readonly threads: Threads,
    modules: ModulesContainer,
  ) {
    this.budget = options.shutdown.timeout;
    this.runFirst(modules);
  }

  /** True after the shutdown has begun. */
  get isDraining(): boolean {
    return this.closing !== undefined;
  }

  addDrainable(drainable: Drainable): void {
    this.drainables.push(drainable);
  }

  /** Time for cancelled tasks to stop, in milliseconds. Seam for nestjs-tasks/testing. */
  protected get gracePeriod(): number {
    return this.options.shutdown.gracePeriod;
  }

  onModuleDestroy(): Promise<void> {
    this.excuseAsker();
    return (this.closing ??= this.close());
  }

  beforeApplicationShutdown(): void {
    this.events.complete();
  }

  onApplicationShutdown(): Promise<void> {
    this.excuseAsker();
    return (this.final ??= this.drainToEnd());
  }

  /**
   * Puts these hooks before those of all other modules. Nest runs shutdown hooks from the smallest `distance` to the
   * largest: 0 where none is known, root 1, its imports 2, global modules last. A global module would drain after all
   * others have disconnected. Nest sorts at its first hook, so this must happen in a constructor.
   */
  private runFirst(modules: ModulesContainer): void {
    for (const module of modules.values()) {
      if (module.hasProvider(TasksShutdown)) module.distance = -1;
    }
  }

  /**
   * Excludes the task that called `app.close()`: Nest calls hooks in its async context. Nest 11 may call twice in a
   * phase.
   */
  private excuseAsker(): void {
    const task = currentActivity<Task>()?.task;
    if (task === undefined || this.askers.has(task) || !this.openTasks.list().includes(task)) return;
    this.askers.add(task);
    this.log.write('log', NOTES.doesNotWait(task.label));
    this.openTasks.excuse(task);
  }

  private async close(): Promise<void> {
    for (const drainable of this.drainables) drainable.close();
    await this.drain((task) => task.origin === undefined || task.origin.isEnded);
    await Promise.all(this.drainables.map((drainable) => drainable.settled()));
  }

  private async drainToEnd(): Promise<void> {
    await this.drain(() => true);
    this.runner.refuseUnshielded();
    // Tasks that the awaited tasks have scheduled meanwhile; once also when no time is left to wait for more.
    do {
      await this.drain(() => true);
    } while (this.budget !== 0 && this.submitted().some((task) => !this.reportedAsLeft.has(task)));
    this.runner.close();
    await Promise.all(this.drainables.map((drainable) => drainable.settled()));
    await Promise.all(this.drainables.map((drainable) => drainable.end()));
    await this.threads.end();
  }

  /** Cancels the unshielded tasks that `isDue`, and waits for them and for the shielded ones. */
  private async drain(isDue: (task: Task) => boolean): Promise<void> {
    const tasks = this.submitted();
    const cancelled = tasks.filter((task) => !task.shielded && isDue(task));
    const shielded = tasks.filter((task) => task.shielded && !this.reportedAsLeft.has(task));
    if (cancelled.length > 0) this.log.write('log', NOTES.cancels(listOf(cancelled)));
    if (shielded.length > 0) this.log.write('log', NOTES.waits(listOf(shielded, 'shielded ')));
    for (const task of cancelled) task.cancel('shutdown');
    await Promise.all([
      this.awaitCancelled(cancelled).then(() => this.requeueCancelled(cancelled)),
      this.awaitShielded(shielded),
    ]);
  }

  private async awaitCancelled(cancelled: Task[]): Promise<void> {
    const { gracePeriod } = this;
    const abandoned = await this.openTasks.gone(unfinished(cancelled), gracePeriod);
    if (abandoned.length === 0) return;
    this.log.write('warn', WARNINGS.abandoned(listOf(abandoned), gracePeriod));
    for (const task of abandoned) this.runner.abandon(task);
  }

  /** Requeues cancelled tasks. Runs of the queue return to it by themselves. */
  private requeueCancelled(cancelled: Task[]): Promise<void> {
    return this.requeue.take(
      cancelled.filter(({ run, status, config, state }) => {
        const isByShutdown = status === 'cancelled' && state.cancellation?.reason === 'shutdown';
        return run === undefined && config.onCancel === 'enqueue' && isByShutdown;
      }),
    );
  }

  private async awaitShielded(shielded: Task[]): Promise<void> {
    const since = performance.now();
    const reports = setInterval(() => {
      this.log.write('log', NOTES.stillWaits(listOf(unfinished(shielded), 'shielded ')));
    }, REPORT_INTERVAL);
    const left = await this.openTasks.gone(shielded, this.budget);
    clearInterval(reports);
    if (this.budget !== undefined) this.budget = Math.max(0, this.budget - (performance.now() - since));
    if (left.length > 0) {
      this.log.write('warn', WARNINGS.leftBehind(listOf(left, 'shielded '), this.options.shutdown.timeout));
      for (const task of left) this.reportedAsLeft.add(task);
      return;
    }
    const ended = shielded.filter((task) => !this.askers.has(task));
    if (ended.length > 0) this.log.write('log', NOTES.hasWaited(namesOf(ended, endOf)));
  }

  /** Returns the tasks that are not held in a batch: the end of the request decides on held ones. */
  private submitted(): Task[] {
    return this.openTasks.list().filter((task) => task.state.isSubmitted && !this.askers.has(task));
  }
}

function unfinished(tasks: Task[]): Task[] {
  return tasks.filter((task) => !task.state.isFinished || task.state.isRetrying);
}

function endOf({ label, status, attempt, state }: Task): string {
  return `${label} (${attempt === 1 ? status : `${status}, attempt ${attempt} ${state.lastAttempt}`})`;
}

function listOf(tasks: Task[], kind = ''): string {
  const now = performance.now();
  const names = namesOf(tasks, ({ label, state: { startedAt } }) =>
    startedAt === undefined ? `${label} (waiting)` : `${label} (${((now - startedAt) / 1_000).toFixed(1)} s)`,
  );
  return `${tasks.length} ${kind}task${tasks.length === 1 ? '' : 's'}: ${names}`;
}

function namesOf(tasks: Task[], nameOf: (task: Task) => string): string {
  const names = tasks.slice(0, LISTED).map(nameOf);
  if (tasks.length > LISTED) names.push(`${tasks.length - LISTED} more`);
  return names.join(', ');
}
