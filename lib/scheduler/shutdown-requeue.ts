import type { Task } from '../task/task.js';

/** Requeues tasks that shutdown has cancelled and that have `onCancel: 'enqueue'`. */
export abstract class ShutdownRequeue {
  /**
   * Checks a task when it is scheduled, rather than when it would be lost.
   *
   * @throws {TasksConfigError} when the function cannot be requeued.
   * @throws {TaskArgumentError} when the arguments cannot be stored.
   */
  abstract check(func: (...args: never[]) => unknown, args: readonly unknown[]): void;

  /** Requeues the tasks. Never rejects: failures are logged. */
  abstract take(tasks: readonly Task[]): Promise<void>;
}
