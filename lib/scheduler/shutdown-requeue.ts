import type { Task } from '../task/task.js';

/** Takes what shutdown has cancelled and its `onCancel` does not want lost. */
export abstract class ShutdownRequeue {
  /**
   * Rather when a task is scheduled than when it would be lost.
   *
   * @throws {TasksConfigError} when a task of that function could not be taken.
   * @throws {TaskArgumentError} when it could not be with these arguments.
   */
  abstract check(func: (...args: never[]) => unknown, args: readonly unknown[]): void;

  /** Never rejects: what cannot be taken is logged. */
  abstract take(tasks: readonly Task[]): Promise<void>;
}
