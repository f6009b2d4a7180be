import type { Task } from '../task/task.js';

/** Puts what a task does into its trace. */
export abstract class TaskTracer {
  /** `false`: `run()` need not be called. */
  abstract readonly isActive: boolean;

  /** Calls `func`, an attempt of the task or its `onError`, within the task's span. */
  abstract run<R>(task: Task, func: () => R): R;
}

/** Where nothing is traced. */
export class NoTracer extends TaskTracer {
  override readonly isActive = false;

  override run<R>(_task: Task, func: () => R): R {
    return func();
  }
}
