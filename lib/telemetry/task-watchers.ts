import type { TaskEventType, TaskListener } from '../scheduler/task-events.js';
import type { Task } from '../task/task.js';
import type { TelemetryLog } from './telemetry-log.js';

/** Who is told what happens to each task. May throw. */
export interface TaskWatcher {
  /** Whether it has something to do: for tasks to come, or until those that it knows have finished. */
  readonly isActive: boolean;
  heard(type: TaskEventType, task: Task, reason: string, error: unknown): void;
  /** Its `done` is about to settle: nothing more will come but retries. */
  finished(task: Task): void;
}

/** Tells watchers of each transition, and of the end of each task; what they throw is none of the task's business. */
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
    if (type === 'scheduled') return; // the most frequent, and nobody's concern here
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
