import { Injectable } from '@nestjs/common';
import type { TaskState } from '../task/task-state.js';
import type { Task } from '../task/task.js';

interface Watch {
  readonly waitingFor: Set<Task>;
  readonly resolve: () => void;
}

/** Unfinished tasks: held in a batch, waiting, running, handled by `onError`, or retried. */
@Injectable()
export class OpenTasks implements Iterable<Task> {
  /** State of the first task. Tasks are linked: a Set costs a tenth of a task's time. */
  private first: TaskState<unknown, Task> | undefined;
  private last: TaskState<unknown, Task> | undefined;
  private readonly watches = new Set<Watch>();
  private idleWaiters: (() => void)[] = [];

  /** Iterates over a copy: the loop's body may end any of the tasks. */
  [Symbol.iterator](): Iterator<Task> {
    return this.list().values();
  }

  /** Returns the tasks as an array; an iteration makes an object for each task. */
  list(): Task[] {
    const tasks: Task[] = [];
    for (let state = this.first; state !== undefined; state = state.after) tasks.push(state.task as Task);
    return tasks;
  }

  add(task: Task): void {
    const { state } = task; // not in the parameters: declarations would show it, and it is internal
    if (this.holds(state)) return;
    state.before = this.last;
    if (this.last === undefined) this.first = state;
    else this.last.after = state;
    this.last = state;
  }

  delete(task: Task): void {
    const { state } = task;
    if (this.holds(state)) this.unlink(state);
    if (this.watches.size > 0) this.excuse(task);
    if (this.first === undefined && this.idleWaiters.length > 0) this.tellIdle();
  }

  /** Removes the task from all waits of `gone()`. */
  excuse(task: Task): void {
    for (const watch of this.watches) {
      if (watch.waitingFor.delete(task) && watch.waitingFor.size === 0) watch.resolve();
    }
  }

  /** Resolves when no task is left. */
  idle(): Promise<void> {
    if (this.first === undefined) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /**
   * Waits until `tasks` have finished, at most `limit` milliseconds if given.
   *
   * @returns the unfinished tasks.
   */
  async gone(tasks: Iterable<Task>, limit?: number): Promise<Task[]> {
    const waitingFor = new Set(tasks);
    if (waitingFor.size === 0) return [];
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const watch: Watch = {
        waitingFor,
        resolve: () => {
          this.watches.delete(watch);
          resolve();
        },
      };
      this.watches.add(watch);
      if (limit !== undefined) timer = setTimeout(watch.resolve, limit);
    });
    clearTimeout(timer);
    return [...waitingFor];
  }

  private holds(state: TaskState<unknown, Task>): boolean {
    return state.before !== undefined || this.first === state;
  }

  private unlink(state: TaskState<unknown, Task>): void {
    const { before, after } = state;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    state.before = undefined;
    state.after = undefined;
  }

  private tellIdle(): void {
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
