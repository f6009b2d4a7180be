import { Injectable } from '@nestjs/common';
import { messageOf, stackOf } from '../task/error-text.js';
import { labelText } from '../task/log-text.js';
import { LogWriter, type LogLevel } from '../task/log-writer.js';
import type { Task } from '../task/task.js';
import type { TaskWaitError } from '../task/task-errors.js';

/** Log lines of tasks, without arguments: they hold user input. */
@Injectable()
export class TaskLog {
  private readonly writer = new LogWriter();

  failed(task: Task, error: unknown): void {
    this.write('error', `Task ${task.label} failed: ${messageOf(error)}`, stackOf(error));
  }

  /** Logs a failed attempt of a durable execution that will be retried. */
  attemptFailed(task: Task, error: unknown): void {
    this.write('error', `Attempt ${task.attempt} of task ${task.label} failed: ${messageOf(error)}`, stackOf(error));
  }

  retryFailed(task: Task, error: unknown): void {
    this.write('warn', `Task ${task.label} failed again in attempt ${task.attempt}: ${messageOf(error)}`);
  }

  onErrorFailed(task: Task, handlerError: unknown, error: unknown): void {
    this.write(
      'error',
      `The onError handler of task ${task.label} failed: ${messageOf(handlerError)}. The task's own error: ${messageOf(error)}`,
      `${stackOf(handlerError)}\nThe task's own error: ${stackOf(error)}`,
    );
  }

  onErrorCancelled(task: Task): void {
    this.write('debug', `The onError handler of task ${task.label} was cancelled`);
  }

  cancelled(task: Task, error: unknown, isReason: boolean): void {
    if (isReason) this.write('debug', `Task ${task.label} was cancelled`);
    // The error may be a failure of its own, so it is logged in full.
    else this.write('warn', `Task ${task.label} was cancelled and stopped with an error:`, stackOf(error));
  }

  /** Logs the late error of a task that was given up. */
  failedLate(task: Task, error: unknown): void {
    this.write('debug', `Task ${task.label} failed after it was given up: ${messageOf(error)}`);
  }

  discarded(task: Task, reason: string): void {
    this.write('debug', `Task ${task.label} was discarded: ${reason}`);
  }

  /** Logs a refusal by the pool. @param isTold the caller of schedule() gets the error. */
  discardedByPool(task: Task, reason: string, isTold: boolean): void {
    this.write(isTold ? 'debug' : 'warn', `Task ${task.label} was discarded: ${reason}`);
  }

  blocked(task: Task, milliseconds: number): void {
    this.write(
      'warn',
      `Task ${task.label} blocked the event loop, and every request, for ${Math.round(milliseconds)} ms. Run it in a thread: task({ thread: { file } }). This function is reported once. See docs/threads.md#when-to-use-one.`,
    );
  }

  unprotected(task: Task): void {
    this.write(
      'warn',
      `Task ${task.label} is shielded, and this process has no listener for SIGTERM, which would end the task. Call app.enableShutdownHooks() before app.listen().`,
    );
  }

  cycle(error: TaskWaitError): void {
    this.write('warn', error.message);
  }

  requeued(task: Task, key: string): void {
    this.write('log', `Task ${task.label} was cancelled by shutdown and added to the queue as ${labelText(key)}`);
  }

  requeueFailed(task: Task, error: unknown): void {
    this.write(
      'error',
      `Task ${task.label} was cancelled by shutdown and is lost, because it could not be added to the queue: ${messageOf(error)}`,
      stackOf(error),
    );
  }

  waitUntilFailed(task: Task, error: unknown): void {
    this.write(
      'error',
      `Option waitUntil failed for task ${task.label}; the platform may freeze the process before its end: ${messageOf(error)}`,
      stackOf(error),
    );
  }

  discardedByShutdown(task: Task): void {
    this.write('warn', `Task ${task.label} was discarded: the application has shut down`);
  }

  shutdown(message: string): void {
    this.write('log', message);
  }

  shutdownWarning(message: string): void {
    this.write('warn', message);
  }

  /** Writes a line of the queue, which has its own texts. */
  write(level: LogLevel, message: string, stack?: string): void {
    this.writer.write(level, message, stack);
  }
}
