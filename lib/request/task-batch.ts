import type { TaskConfig } from '../task/task-config.js';
import type { TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import { EnqueuingSurface, type EnqueueLater } from './enqueuing-surface.js';
import type { Enqueuer } from './enqueuer.js';
import type { EnqueueCall } from './enqueue-call.js';
import { isDueOn, reasonToDiscard, type RouteOutcome } from './route-outcome.js';
import type { Execution } from '../queue/execution.js';

/** Makes the tasks of one batch. */
export type BatchTaskFactory = (own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]) => Task;

/**
 * Tasks that are held until their moment in the request has come, then started in the order in which they were
 * scheduled. One that comes later starts at once.
 *
 * @publicApi
 */
export class TaskBatch extends EnqueuingSurface<EnqueueLater> {
  /** @internal */
  protected override readonly enqueuer: Enqueuer;
  private readonly create: BatchTaskFactory;
  private readonly runner: TaskRunner;
  private readonly enqueueLater: (call: EnqueueCall) => Task<Execution>;
  private held: Task[] = [];
  private outcome: RouteOutcome | undefined;
  private isOpen = false;

  /** @internal */
  constructor(
    create: BatchTaskFactory,
    enqueueLater: (call: EnqueueCall) => Task<Execution>,
    { enqueuer, runner }: { readonly enqueuer: Enqueuer; readonly runner: TaskRunner },
  ) {
    super();
    this.create = create;
    this.enqueuer = enqueuer;
    this.runner = runner;
    this.enqueueLater = enqueueLater;
  }

  /** The route has ended: what does not run on such an end is discarded. @internal */
  settle(outcome: RouteOutcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.release();
  }

  /** The moment has come. @returns whether tasks are about to start. @internal */
  open(): boolean {
    this.isOpen = true;
    return this.release();
  }

  /** {@link open} for who starts the tasks of several batches, in one order. @returns those that are due. @internal */
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
    this.runner.admit(task);
    this.held.push(task);
    this.release();
  }

  /** @internal */
  protected override submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const task = this.create(own, work, args);
    this.hold(task);
    return task;
  }

  /** @internal */
  protected override submitEnqueue(call: EnqueueCall): Task<Execution> {
    return this.enqueueLater(call);
  }

  /** @returns whether tasks are about to start. */
  private release(): boolean {
    const due = this.decide();
    for (const task of due) this.runner.submit(task);
    return due.length > 0;
  }

  /** Lets go of each task that is decided on. @returns those that are to start. */
  private decide(): Task[] {
    const { outcome } = this;
    if (outcome === undefined || this.held.length === 0) return [];
    const [due, excluded] = partition(this.held, (task) => isDueOn(outcome, task));
    this.held = this.isOpen ? [] : due;
    for (const task of excluded) this.runner.discard(task, reasonToDiscard(outcome));
    return this.isOpen ? due : [];
  }
}

function partition<T>(items: T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const first: T[] = [];
  const second: T[] = [];
  for (const item of items) (isFirst(item) ? first : second).push(item);
  return [first, second];
}
