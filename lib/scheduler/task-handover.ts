import type { Task } from '../task/task.js';

/** Takes what shutdown has cancelled and its `onCancel` does not want lost. */
export abstract class TaskHandover {
  /** @throws {TasksConfigError} when a task of that function could not be taken. */
  abstract check(func: (...args: never[]) => unknown): void;

  /** Never rejects: what cannot be taken is logged. */
  abstract take(tasks: readonly Task[]): Promise<void>;
}
