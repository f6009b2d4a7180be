import { Injectable } from '@nestjs/common';
import type { TaskPool } from '../scheduler/task-pool.js';
import { TaskRunner } from '../scheduler/task-runner.js';
import type { Task } from '../task/task.js';
import { isOwn } from './task-record.js';

/** Keeps the tasks whose moment has come, rather than to start them. None of them fills a pool. */
@Injectable()
export class RecordingRunner extends TaskRunner {
  private readonly captured = new Set<Task>();

  /**
   * Starts a task that was captured.
   *
   * @returns `false` when it was not, or is not any more.
   */
  release(task: Task): boolean {
    if (!this.captured.delete(task) || task.state.hasEnded) return false;
    this.openTasks.add(task);
    super.enqueue(task, undefined);
    return true;
  }

  protected override enqueue(task: Task, pool: TaskPool | undefined): void {
    // The response waits for what adds durable tasks. A retry is that of a task which was told to run.
    if (!isOwn(task) || task.state.isRetrying) return super.enqueue(task, pool);
    this.captured.add(task);
    this.openTasks.delete(task); // nothing waits for what nobody runs
  }

  protected override poolOf(): undefined {
    return undefined;
  }
}
