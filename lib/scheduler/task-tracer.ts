import type { Task } from '../task/task.js';

/** Puts the work of a task into its trace. */
export abstract class TaskTracer {
  /** False where `run()` need not be called. */
  abstract readonly isActive: boolean;

  /** Calls `func`, an attempt of the task or its `onError`, within the task's span. */
  abstract run<R>(task: Task, func: () => R): R;
}

/** Tracer without a trace. */
export class NoTracer extends TaskTracer {
  override readonly isActive = false;

  override run<R>(_task: Task, func: () => R): R {
    return func();
  }
}
