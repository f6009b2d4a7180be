import { Injectable } from '@nestjs/common';
import { isDue, type TaskPool } from '../scheduler/task-pool.js';
import { TaskRunner } from '../scheduler/task-runner.js';
import type { Task } from '../task/task.js';

/** Starts tasks in the call rather than in a microtask, except those that a pool's limit may delay. */
@Injectable()
export class InlineRunner extends TaskRunner {
  protected override enqueue(task: Task, pool: TaskPool | undefined): void {
    if (pool !== undefined) super.enqueue(task, pool);
    else if (isDue(task)) this.attempts.run(task);
  }

  /** Returns the task's pool, unless it has no limit and nothing to count. */
  protected override poolOf(task: Task): TaskPool | undefined {
    const pool = super.poolOf(task);
    return pool?.state.concurrency === Infinity ? undefined : pool;
  }
}
