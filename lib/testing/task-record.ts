import { performance } from 'node:perf_hooks';
import { TaskEvents, type TaskEvent, type TaskEventType } from '../scheduler/task-events.js';
import type { Task } from '../task/task.js';

type Noted = Pick<TaskEvent, 'type' | 'task' | 'reason'>;

/** Whether it is a task of a request or of the scheduler: runs of durable tasks, and what adds them, are the queue's. */
export function isOwn(task: Task): boolean {
  return task.kind === 'user';
}

/** Every task that was scheduled, in order, and why some of them were discarded. */
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

  /** Those that were not discarded. */
  get scheduled(): Task[] {
    return this.all.filter((task) => this.reasonOf(task) === undefined);
  }

  get discarded(): Task[] {
    return this.all.filter((task) => this.reasonOf(task) !== undefined);
  }

  get all(): Task[] {
    return [...this.#tasks];
  }

  /** What it was discarded for, if it was. */
  reasonOf(task: Task): string | undefined {
    return this.#reasons.get(task);
  }

  /** When it was scheduled, in milliseconds of `performance.now()`. */
  timeOf(task: Task): number | undefined {
    return this.#times.get(task);
  }
}

/** Notes what happens from the first to the last: `events$` completes before tasks of the shutdown have ended. */
export class RecordedEvents extends TaskEvents {
  constructor(private readonly record: TaskRecord) {
    super();
  }

  override emit(type: TaskEventType, task: Task, reason: string, error?: unknown): void {
    this.record.note({ type, task, reason });
    super.emit(type, task, reason, error);
  }
}
