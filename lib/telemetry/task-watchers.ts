import type { TaskEventType, TaskListener } from '../scheduler/task-events.js';
import type { Task } from '../task/task.js';
import type { TelemetryLog } from './telemetry-log.js';

/** Watcher of the transitions of each task. May throw. */
export interface TaskWatcher {
  /** True if it has work: for tasks to come, or for known ones that have not finished. */
  readonly isActive: boolean;
  heard(type: TaskEventType, task: Task, reason: string, error: unknown): void;
  /** Reports that `done` is about to settle; only retries may follow. */
  finished(task: Task): void;
}

/** Calls watchers on each transition, and at the end of each task; their errors do not affect the task. */
export class TaskWatchers implements TaskListener {
  readonly #watchers: readonly TaskWatcher[];
  readonly #log: TelemetryLog;

  constructor(watchers: readonly TaskWatcher[], log: TelemetryLog) {
    this.#watchers = watchers;
    this.#log = log;
  }

  get isActive(): boolean {
    return this.#watchers.some((watcher) => watcher.isActive);
  }

  hear(type: TaskEventType, task: Task, reason: string, error: unknown): void {
    if (type === 'scheduled') return; // the most frequent, and unused here
    for (const watcher of this.#watchers) {
      try {
        watcher.heard(type, task, reason, error);
      } catch (ownError) {
        this.#log.failed(ownError);
      }
    }
  }

  finish(task: Task): void {
    for (const watcher of this.#watchers) {
      try {
        watcher.finished(task);
      } catch (error) {
        this.#log.failed(error);
      }
    }
  }
}
