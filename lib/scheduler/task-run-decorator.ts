import { Injectable } from '@nestjs/common';
import type { Task } from '../task/task.js';

/**
 * Seam for an APM, which wraps each attempt of request tasks and of durable ones: it patches
 * `TaskRunDecorator.prototype.decorate`. Unpatched, it costs nothing.
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
   * Wraps an attempt.
   *
   * @param run calls the task's function, in its async context.
   * @returns the function to call instead; its result or error is the task's.
   */
  decorate(run: () => unknown, _task: Task): () => unknown {
    return run;
  }
}

/** Unpatched `decorate`, for the check that skips its cost. */
export const UNDECORATED = TaskRunDecorator.prototype.decorate;
