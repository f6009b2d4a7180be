import type { Task } from '../task/task.js';
import { TasksConfigError } from '../task/task-errors.js';
import { DEFAULT_POOL, type ResolvedTaskPoolOptions } from './task-pool-options.js';
import { TaskPool, type RunTask, type TaskPoolState } from './task-pool.js';

/** Pools of the application: the module's own, and the named ones. */
export class TaskPools {
  readonly #pools: ReadonlyMap<string, TaskPool>;
  readonly #default: TaskPool;

  constructor(options: ReadonlyMap<string, ResolvedTaskPoolOptions>, run: RunTask) {
    this.#pools = new Map([...options].map(([name, limits]) => [name, new TaskPool(name, limits, run)]));
    this.#default = this.#pools.get(DEFAULT_POOL)!;
  }

  get states(): Readonly<Record<string, TaskPoolState>> {
    return Object.fromEntries([...this.#pools].map(([name, { state }]) => [name, state]));
  }

  of(task: Task): TaskPool | undefined {
    const { pool } = task.config;
    return pool === undefined ? this.#default : this.#pools.get(pool);
  }

  /** Checks the name of a pool. @throws {TasksConfigError} when the module has no such pool. */
  check(name: string): void {
    checkPool(name, [...this.#pools.keys()]);
  }
}

/** Checks the name of a pool. @throws {TasksConfigError} when it is not in `pools`. */
export function checkPool(name: string, pools: readonly string[]): void {
  if (pools.includes(name)) return;
  const names = pools.filter((known) => known !== DEFAULT_POOL);
  throw new TasksConfigError(
    'pool',
    name,
    names.length === 0
      ? 'the name of a pool. Add it to TasksModule.forRoot({ pools: { mail: { concurrency: 5 } } })'
      : `the name of one of the pools of TasksModule.forRoot(): ${names.join(', ')}`,
  );
}
