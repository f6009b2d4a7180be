import { Injectable } from '@nestjs/common';
import type { Task } from '../task/task.js';

/**
 * Where an APM wraps the runs of tasks, each attempt of request tasks and of durable ones: it patches
 * `TaskRunDecorator.prototype.decorate`. Untouched, it costs nothing.
 *
 * @example
 * ```ts
 * TaskRunDecorator.prototype.decorate = (run, task) => () => apm.startSegment(task.name, run);
 * ```
 * @publicApi
 */
@Injectable()
export class TaskRunDecorator {
  /**
   * @param run calls the task's function, in its async context.
   * @returns what is called instead; what it returns or throws is the task's.
   */
  decorate(run: () => unknown, _task: Task): () => unknown {
    return run;
  }
}

/** What `decorate` is as long as nobody has patched it: who wraps no run shall not pay for it. */
export const UNDECORATED = TaskRunDecorator.prototype.decorate;
