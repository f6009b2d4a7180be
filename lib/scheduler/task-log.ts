import { Injectable } from '@nestjs/common';
import { messageOf, stackOf } from '../task/error-text.js';
import { labelText } from '../task/log-text.js';
import { LogWriter, type LogLevel } from '../task/log-writer.js';
import { TASK_LINES } from '../task/task-lines.js';
import type { Task } from '../task/task.js';
import type { TaskWaitError } from '../task/task-errors.js';

const { error: ERRORS, warn: WARNINGS, log: NOTES, debug: DETAILS } = TASK_LINES;

/** Writes the log lines of tasks, without arguments: they hold user input. */
@Injectable()
export class TaskLog {
  private readonly writer = new LogWriter();

  failed(task: Task, error: unknown): void {
    this.write('error', ERRORS.failed(task.label, messageOf(error)), stackOf(error));
  }

  /** Logs a failed attempt of a durable execution that will be retried. */
  attemptFailed(task: Task, error: unknown): void {
    this.write('error', ERRORS.attemptFailed(task.attempt, task.label, messageOf(error)), stackOf(error));
  }

  retryFailed(task: Task, error: unknown): void {
    this.write('warn', WARNINGS.failedAgain(task.label, task.attempt, messageOf(error)));
  }

  onErrorFailed(task: Task, handlerError: unknown, error: unknown): void {
    this.write(
      'error',
      ERRORS.onErrorFailed(task.label, messageOf(handlerError), messageOf(error)),
      `${stackOf(handlerError)}\nThe task's own error: ${stackOf(error)}`,
    );
  }

  onErrorCancelled(task: Task): void {
    this.write('debug', DETAILS.onErrorCancelled(task.label));
  }

  cancelled(task: Task, error: unknown, isReason: boolean): void {
    if (isReason) this.write('debug', DETAILS.cancelled(task.label));
    // The error may be a failure of its own, so it is logged in full.
    else this.write('warn', WARNINGS.stoppedWithError(task.label), stackOf(error));
  }

  /** Logs the late error of a task that was given up. */
  failedLate(task: Task, error: unknown): void {
    this.write('debug', DETAILS.failedLate(task.label, messageOf(error)));
  }

  discarded(task: Task, reason: string): void {
    this.write('debug', DETAILS.discarded(task.label, reason));
  }

  /** Logs a refusal by the pool. @param isTold the caller of schedule() gets the error. */
  discardedByPool(task: Task, reason: string, isTold: boolean): void {
    if (isTold) this.discarded(task, reason);
    else this.write('warn', WARNINGS.refused(task.label, reason));
  }

  blocked(task: Task, milliseconds: number): void {
    this.write('warn', WARNINGS.blocked(task.label, Math.round(milliseconds)));
  }

  unprotected(task: Task): void {
    this.write('warn', WARNINGS.unprotected(task.label));
  }

  cycle(error: TaskWaitError): void {
    this.write('warn', error.message);
  }

  requeued(task: Task, key: string): void {
    this.write('log', NOTES.requeued(task.label, labelText(key)));
  }

  requeueFailed(task: Task, error: unknown): void {
    this.write('error', ERRORS.requeueFailed(task.label, messageOf(error)), stackOf(error));
  }

  waitUntilFailed(task: Task, error: unknown): void {
    this.write('error', ERRORS.waitUntilFailed(task.label, messageOf(error)), stackOf(error));
  }

  discardedByShutdown(task: Task): void {
    this.write('warn', WARNINGS.discardedByShutdown(task.label));
  }

  /** Writes a line whose text another class makes: of the queue, of shutdown, of threads. */
  write(level: LogLevel, message: string, stack?: string): void {
    this.writer.write(level, message, stack);
  }
}
