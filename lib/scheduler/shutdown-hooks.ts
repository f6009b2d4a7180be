import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Task } from '../task/task.js';
import { TaskLog } from './task-log.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

/** For how long an application that has started may go on without hooks, in milliseconds: some enable them after `listen()`. */
const PATIENCE = 1_000;

/**
 * Warns once where a shielded task is scheduled and SIGTERM would end the process in its middle, since nobody listens for
 * the signal. Tests close their application by themselves, and are left alone; so is a platform that freezes the process.
 */
@Injectable()
export class ShutdownHooks implements OnApplicationBootstrap, OnModuleDestroy {
  /** Nothing is to be found out any more: all that a task costs. */
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

  /** A shielded task was scheduled. */
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

/** Whether a test runs here: under Jest, Vitest, `node --test`, or what sets `NODE_ENV`. */
function isTest(): boolean {
  const { NODE_ENV, JEST_WORKER_ID, VITEST, NODE_TEST_CONTEXT } = process.env;
  return NODE_ENV === 'test' || [JEST_WORKER_ID, VITEST, NODE_TEST_CONTEXT].some((mark) => mark !== undefined);
}
