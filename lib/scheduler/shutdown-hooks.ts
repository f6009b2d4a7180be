import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Task } from '../task/task.js';
import { TaskLog } from './task-log.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

/** Time for a started application to enable hooks, in milliseconds: some do so after `listen()`. */
const PATIENCE = 1_000;

/**
 * Warns once of a shielded task in a process without a listener for SIGTERM, which would end the process. Not in tests,
 * which close their application themselves, nor on a platform that freezes the process.
 */
@Injectable()
export class ShutdownHooks implements OnApplicationBootstrap, OnModuleDestroy {
  /** True when no check is left: the only cost for each task. */
  isSettled: boolean;
  private task: Task | undefined;
  private isBooted = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    private readonly log: TaskLog,
  ) {
    this.isSettled = isTest() || options.waitUntil !== undefined;
  }

  onApplicationBootstrap(): void {
    this.isBooted = true;
    if (this.task !== undefined) this.checkLater();
  }

  onModuleDestroy(): void {
    this.isSettled = true;
    clearTimeout(this.timer);
  }

  /** Checks after a shielded task was scheduled. */
  note(task: Task): void {
    this.isSettled = true;
    this.task = task;
    if (this.isBooted) this.checkLater();
  }

  private checkLater(): void {
    const { task } = this;
    this.timer = setTimeout(() => {
      // Nest's own listener, or one of the application that closes it.
      if (task !== undefined && process.listenerCount('SIGTERM') === 0) this.log.unprotected(task);
    }, PATIENCE).unref();
    this.task = undefined;
  }
}

/** Tells a test: under Jest, Vitest, `node --test`, or with `NODE_ENV=test`. */
function isTest(): boolean {
  const { NODE_ENV, JEST_WORKER_ID, VITEST, NODE_TEST_CONTEXT } = process.env;
  return NODE_ENV === 'test' || [JEST_WORKER_ID, VITEST, NODE_TEST_CONTEXT].some((mark) => mark !== undefined);
}
