import { Inject, Injectable } from '@nestjs/common';
import type { Task } from '../task/task.js';
import { TaskLog } from './task-log.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

/** Warns of tasks that hold the event loop, and with it every request, each function once. */
@Injectable()
export class BlockingTasks {
  /** In milliseconds. */
  private readonly threshold: number;
  private readonly known = new Set<string>();

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    private readonly log: TaskLog,
  ) {
    this.threshold = options.blockingThreshold;
  }

  /** @param held how long the call took until it returned, in milliseconds. */
  check(task: Task, held: number): void {
    if (held <= this.threshold) return;
    // By the code rather than by the task's name, which may hold an id, or by the function, which may be a new closure
    // each time. Two functions of one name differ in it; bound ones are all alike but for their names.
    const code = `${task.functionName} ${Function.prototype.toString.call(task.func)}`;
    if (this.known.has(code)) return;
    this.known.add(code);
    this.log.blocked(task, held);
  }
}
