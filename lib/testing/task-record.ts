import { performance } from 'node:perf_hooks';
import { TaskEvents, type TaskEvent, type TaskEventType } from '../scheduler/task-events.js';
import type { Task } from '../task/task.js';

type Noted = Pick<TaskEvent, 'type' | 'task' | 'reason'>;

/** Tells tasks of a request or of the scheduler: runs of durable tasks, and additions, belong to the queue. */
export function isOwn(task: Task): boolean {
  return task.kind === 'user';
}

/** Scheduled tasks, in order, with the reasons of discarded ones. */
export class TaskRecord {
  readonly #tasks = new Set<Task>();
  readonly #times = new WeakMap<Task, number>();
  readonly #reasons = new WeakMap<Task, string>();

  note({ type, task, reason }: Noted): void {
    if (type === 'discarded') this.#reasons.set(task, reason);
    if (type !== 'scheduled') return;
    this.#times.set(task, performance.now());
    if (isOwn(task)) this.#tasks.add(task);
  }

  forget(): void {
    this.#tasks.clear();
  }

  /** Tasks that were not discarded. */
  get scheduled(): Task[] {
    return this.all.filter((task) => this.reasonOf(task) === undefined);
  }

  get discarded(): Task[] {
    return this.all.filter((task) => this.reasonOf(task) !== undefined);
  }

  get all(): Task[] {
    return [...this.#tasks];
  }

  /** Returns the reason of a discarded task. */
  reasonOf(task: Task): string | undefined {
    return this.#reasons.get(task);
  }

  /** Returns the time of the call in milliseconds of `performance.now()`. */
  timeOf(task: Task): number | undefined {
    return this.#times.get(task);
  }
}

/** Records all events: `events$` completes before tasks of the shutdown have ended. */
export class RecordedEvents extends TaskEvents {
  constructor(private readonly record: TaskRecord) {
    super();
  }

  override emit(type: TaskEventType, task: Task, reason: string, error?: unknown): void {
    this.record.note({ type, task, reason });
    super.emit(type, task, reason, error);
  }
}
