import type { TaskConfig } from '../task/task-config.js';
import type { TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import { EnqueuingSurface, type EnqueueLater } from './enqueuing-surface.js';
import type { Enqueuer } from './enqueuer.js';
import type { EnqueueCall } from './enqueue-call.js';
import { isDueOn, reasonToDiscard, type RouteOutcome } from './route-outcome.js';
import type { Execution } from '../queue/execution.js';

/** The later moments of a request. */
export type BatchTiming = 'afterRoute' | 'afterResponse';

/** Makes the tasks of its batches. */
export interface BatchTasks {
  readonly enqueuer: Enqueuer;
  readonly runner: TaskRunner;
  create(timing: BatchTiming, own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task;
  createEnqueue(timing: BatchTiming, call: EnqueueCall): Task<Execution>;
}

/**
 * Tasks that are held until their moment in the request has come, then started in the order in which they were
 * scheduled. One that comes later starts at once.
 *
 * @publicApi
 */
export class TaskBatch extends EnqueuingSurface<EnqueueLater> {
  private readonly tasks: BatchTasks;
  private readonly timing: BatchTiming;
  private held: Task[] = [];
  private outcome: RouteOutcome | undefined;
  private isOpen = false;

  /** @internal */
  constructor(tasks: BatchTasks, timing: BatchTiming) {
    super();
    this.tasks = tasks;
    this.timing = timing;
  }

  /** @internal */
  protected override get enqueuer(): Enqueuer {
    return this.tasks.enqueuer;
  }

  /** Decides which tasks run, and discards the others. The first outcome counts. @internal */
  settle(outcome: RouteOutcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.release();
  }

  /** Lets tasks start from now on. @returns the tasks that are due, for the caller to start. @internal */
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
  protected override submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const task = this.tasks.create(this.timing, own, work, args);
    this.hold(task);
    return task;
  }

  /** @internal */
  protected override submitEnqueue(call: EnqueueCall): Task<Execution> {
    return this.tasks.createEnqueue(this.timing, call);
  }

  private release(): void {
    for (const task of this.decide()) this.tasks.runner.submit(task);
  }

  /** Lets go of each task that is decided on. @returns the tasks that are to start. */
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
