import { Injectable } from '@nestjs/common';
import type { TaskPool } from '../scheduler/task-pool.js';
import { TaskRunner } from '../scheduler/task-runner.js';
import type { Task } from '../task/task.js';
import { isOwn } from './task-record.js';

/** Captures tasks at their moment instead of starting them. They fill no pool. */
@Injectable()
export class RecordingRunner extends TaskRunner {
  private readonly captured = new Set<Task>();

  /**
   * Starts a task that was captured.
   *
   * @returns `false` when it is not captured, or no longer.
   */
  release(task: Task): boolean {
    if (!this.captured.delete(task) || task.state.hasEnded) return false;
    this.openTasks.add(task);
    super.enqueue(task, undefined);
    return true;
  }

  protected override enqueue(task: Task, pool: TaskPool | undefined): void {
    // The response waits for additions to the queue. A retry belongs to a task that the test has run.
    if (!isOwn(task) || task.state.isRetrying) return super.enqueue(task, pool);
    this.captured.add(task);
    this.openTasks.delete(task); // nothing waits for a captured task
  }

  protected override poolOf(): undefined {
    return undefined;
  }
}
