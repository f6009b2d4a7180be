import { Inject, Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { isErrorHandlerClass } from '../task/task-config.js';
import { runInActivity } from '../task/task-activity.js';
import type { Task, OnTaskErrorOption } from '../task/task.js';
import { isAbortOf, TasksConfigError } from '../task/task-errors.js';
import { TaskLog } from './task-log.js';
import { TaskTracer } from './task-tracer.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';

/** Logs a task's failure, then calls its `onError`. */
@Injectable()
export class ErrorHandlers implements OnModuleInit {
  private readonly checked = new WeakSet<OnTaskErrorOption>();

  constructor(
    @Inject(TASKS_OPTIONS) private readonly options: ResolvedTasksOptions,
    private readonly modules: ModuleRef,
    private readonly log: TaskLog,
    private readonly tracer: TaskTracer,
  ) {}

  /** Checks the module's own `onError` at bootstrap. */
  onModuleInit(): void {
    const { onError } = this.options.config;
    if (onError != null) this.check(onError);
  }

  /**
   * Checks a handler when its task is scheduled. @throws {TasksConfigError} when it is a class that no module provides.
   */
  check(onError: OnTaskErrorOption): void {
    if (this.checked.has(onError)) return;
    if (isErrorHandlerClass(onError) && !this.isProvided(onError)) {
      throw new TasksConfigError(
        'onError',
        onError,
        `a class that a module provides. Add ${onError.name} to the providers of a module`,
      );
    }
    this.checked.add(onError);
  }

  /**
   * Calls the handler. Settles with `onError`; never rejects. Runs in the task's async context and trace, with the
   * logger.
   */
  handle(task: Task, error: unknown): Promise<void> {
    return runInActivity(
      task.state.beginHandling(),
      () => this.tracer.run(task, () => this.logAndCall(task, error)),
      undefined,
    );
  }

  private isProvided(token: Type): boolean {
    try {
      this.modules.introspect(token);
      return true;
    } catch {
      return false; // Nest's look-ups all throw
    }
  }

  private async logAndCall(task: Task, error: unknown): Promise<void> {
    this.log.failed(task, error);
    try {
      await this.call(task, error);
    } catch (handlerError) {
      // Shutdown or cancel() has stopped it, for example while it waited before a retry.
      if (isAbortOf(task.state.cancellation, handlerError)) this.log.onErrorCancelled(task);
      else this.log.onErrorFailed(task, handlerError, error);
    }
  }

  private async call(task: Task, error: unknown): Promise<void> {
    const { onError } = task.config;
    if (onError === undefined) return;
    if (!isErrorHandlerClass(onError)) {
      await onError(task, error);
      return;
    }
    // resolve() rather than get(): a request-scoped or transient handler needs a new instance.
    const handler = await this.modules.resolve(onError, undefined, { strict: false });
    await handler.onTaskError(task, error);
  }
}
