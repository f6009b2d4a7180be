import type { TaskEventType, TaskListener } from '../scheduler/task-events.js';
import type { Task } from '../task/task.js';
import type { TelemetryLog } from './telemetry-log.js';

/** Who is told what happens to each task. May throw. */
export interface TaskWatcher {
  heard(type: TaskEventType, task: Task, reason: string, error: unknown): void;
  /** Its `done` is about to settle: nothing more will come but retries. */
  finished(task: Task): void;
}

/** Tells watchers of each transition, and of the end of each task; what they throw is none of the task's business. */
export class TaskWatchers {
  readonly #watchers: readonly TaskWatcher[];
  readonly #log: TelemetryLog;

  constructor(watchers: readonly TaskWatcher[], log: TelemetryLog) {
    this.#watchers = watchers;
    this.#log = log;
  }

  readonly hear: TaskListener = (type, task, reason, error) => {
    if (type === 'scheduled') return; // the most frequent, and nobody's concern here
    for (const watcher of this.#watchers) {
      try {
        watcher.heard(type, task, reason, error);
      } catch (ownError) {
        this.#log.failed(ownError);
      }
    }
  };

  readonly finish = (task: Task): void => {
    for (const watcher of this.#watchers) {
      try {
        watcher.finished(task);
      } catch (error) {
        this.#log.failed(error);
      }
    }
  };
}
