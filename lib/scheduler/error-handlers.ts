import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { isErrorHandlerClass } from '../task/task-config.js';
import { runInTask } from '../task/task-context.js';
import type { Task } from '../task/task.js';
import { TaskLog } from './task-log.js';

/** Logs a task's failure, then calls its `onError`. */
@Injectable()
export class ErrorHandlers {
  constructor(
    private readonly modules: ModuleRef,
    private readonly log: TaskLog,
  ) {}

  /** Settles when `onError` has; never rejects. Runs in the task's async context, and so does the logger. */
  handle(task: Task, error: unknown): Promise<void> {
    return runInTask(task, async () => {
      this.log.failed(task, error);
      try {
        await this.call(task, error);
      } catch (handlerError) {
        this.log.onErrorFailed(task, handlerError, error);
      }
    });
  }

  private async call(task: Task, error: unknown): Promise<void> {
    const { onError } = task.config;
    if (onError === undefined) return;
    if (!isErrorHandlerClass(onError)) {
      await onError(task, error);
      return;
    }
    // resolve() rather than get(): a handler may be request-scoped or transient, and is made anew then.
    const handler = await this.modules.resolve(onError, undefined, { strict: false });
    await handler.onTaskError(task, error);
  }
}
