import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { isErrorHandlerClass } from '../task/task-config.js';
import { runInTask } from '../task/task-context.js';
import type { Task } from '../task/task.js';
import { isAbortOf, TasksConfigError } from '../task/task-errors.js';
import { TaskLog } from './task-log.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

/** Logs a task's failure, then calls its `onError`. */
@Injectable()
export class ErrorHandlers implements OnModuleInit {
  constructor(
    @Inject(TASKS_OPTIONS) private readonly options: ResolvedTasksOptions,
    private readonly modules: ModuleRef,
    private readonly log: TaskLog,
  ) {}

  /** @throws {TasksConfigError} when no module provides the class in the module's `onError`. */
  onModuleInit(): void {
    const { onError } = this.options.config;
    if (onError == null || !isErrorHandlerClass(onError)) return;
    try {
      this.modules.introspect(onError);
    } catch {
      throw new TasksConfigError(
        'onError',
        onError,
        `a provider class that some module provides; add ${onError.name} to the providers of one`,
      );
    }
  }

  /** Settles when `onError` has; never rejects. Runs in the task's async context, and so does the logger. */
  handle(task: Task, error: unknown): Promise<void> {
    return runInTask(task, async () => {
      this.log.failed(task, error);
      try {
        await this.call(task, error);
      } catch (handlerError) {
        // Shutdown or cancel() has stopped it, while it waited before a retry for instance.
        if (isAbortOf(task.life.cancellation, handlerError)) this.log.onErrorCancelled(task);
        else this.log.onErrorFailed(task, handlerError, error);
      }
    });
  }

  private async call(task: Task, error: unknown): Promise<void> {
    const { onError } = task.config;
    if (onError === undefined) return;
    task.life.beginHandling();
    if (!isErrorHandlerClass(onError)) {
      await onError(task, error);
      return;
    }
    // resolve() rather than get(): a handler may be request-scoped or transient, and is made anew then.
    const handler = await this.modules.resolve(onError, undefined, { strict: false });
    await handler.onTaskError(task, error);
  }
}
