import { Inject, Injectable } from '@nestjs/common';
import type { Task } from '../task/task.js';
import { TaskLog } from './task-log.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

/** Warns of tasks that block the event loop, and with it every request, once for each function. */
@Injectable()
export class BlockingTasks {
  /** Limit in milliseconds. */
  private readonly threshold: number;
  private readonly known = new Set<string>();

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    private readonly log: TaskLog,
  ) {
    this.threshold = options.blockingThreshold;
  }

  /** Checks the duration of a call. @param held time until the call returned, in milliseconds. */
  check(task: Task, held: number): void {
    if (held <= this.threshold) return;
    // By the code: a task's name may hold an id, and the function may be a new closure each time. Two functions of one
    // name differ in their code; bound ones differ only in their names.
    const code = `${task.functionName} ${Function.prototype.toString.call(task.func)}`;
    if (this.known.has(code)) return;
    this.known.add(code);
    this.log.blocked(task, held);
  }
}
