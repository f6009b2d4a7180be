import { join } from 'node:path';
import type { Execution, TaskQueue as Queue, TaskQueueOptions, TasksShutdownOptions } from 'nestjs-tasks';
import { TaskQueue } from 'nestjs-tasks';
import { startContext, type TestContext } from '../../support/context.js';
import type { Step } from './fault-tasks.js';
import type { Programs, WorkerProcess, WorkerSettings } from './fleet.js';
import { RunJournal } from './run-journal.js';
import { providersOf, type TaskSet } from './task-sets.js';

/** In milliseconds. */
export const LEASE = 1_000;
/** What a crashed execution may take to be started again: two leases, and what a busy machine adds. */
export const RECOVERY = 2 * LEASE + 1_000;

let stages = 0;

/** One test's queue and journal, and all who work on it: processes of their own, and contexts in that of the test. */
export class Stage implements AsyncDisposable {
  readonly journal: RunJournal;
  private readonly actors: AsyncDisposable[] = [];
  private readonly contexts: TestContext[] = [];
  private readonly processes: WorkerProcess[] = [];

  constructor(
    private readonly programs: Programs,
    /** All but `worker`. */
    private readonly options: TaskQueueOptions,
    /** What all know, beside `FaultTasks`, where nothing else is said. */
    private readonly tasks: readonly TaskSet[] = [],
  ) {
    this.journal = new RunJournal(join(programs.folder, `journal-${(stages += 1)}`));
  }

  /** A process of its own. Resolves when it is ready. */
  spawn({ queue, ...settings }: Partial<WorkerSettings> = {}): Promise<WorkerProcess> {
    const worker = { lease: LEASE };
    const child = this.programs.start({
      journal: this.journal.file,
      queue: { ...this.options, worker, ...queue },
      tasks: this.tasks,
      ...settings,
    });
    this.actors.push(child);
    this.processes.push(child);
    return child.ready();
  }

  /** A worker in this process. */
  work(options: TaskQueueOptions = {}, shutdown: TasksShutdownOptions = {}): Promise<Actor> {
    return this.enter({ worker: { lease: LEASE }, ...options }, shutdown);
  }

  /** Somebody in this process who only adds. */
  client(options: TaskQueueOptions = {}): Promise<Actor> {
    return this.enter({ worker: false, ...options }, {});
  }

  /** When the processes that have died did so. */
  get deaths(): ReadonlyMap<number, number> {
    const known = this.processes.map(({ pid, diedAt }) => [pid, this.journal.deathOf(pid) ?? diedAt] as const);
    return new Map(known.flatMap(([pid, time]) => (time === undefined ? [] : [[pid, time]])));
  }

  /** Of all contexts of this process: Nest has one logger, that of the last. */
  matching(text: string): string[] {
    return this.contexts.flatMap(({ logs }) => logs.matching(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.actors.map((actor) => actor[Symbol.asyncDispose]()));
  }

  private async enter(options: TaskQueueOptions, shutdown: TasksShutdownOptions): Promise<Actor> {
    const context = await startContext(
      { queue: { ...this.options, ...options }, shutdown },
      { providers: [...providersOf(this.tasks), { provide: RunJournal, useValue: this.journal }] },
    );
    this.actors.push(context);
    this.contexts.push(context);
    return new Actor(context);
  }
}

/** An application of the test's process. */
export class Actor {
  readonly queue: Queue;

  constructor(readonly app: TestContext) {
    this.queue = app.context.get(TaskQueue);
  }

  add(key: string, ...steps: Step[]): Promise<Execution> {
    return this.queue.add('work', { key })(...steps);
  }
}
