import { Injectable } from '@nestjs/common';
import { messageOf, stackOf } from '../task/error-text.js';
import { labelText } from '../task/log-text.js';
import { LogWriter, type LogLevel } from '../task/log-writer.js';
import type { Task } from '../task/task.js';
import type { TaskWaitError } from '../task/task-errors.js';

/** Log lines of tasks. Never arguments: they hold what users typed. */
@Injectable()
export class TaskLog {
  private readonly writer = new LogWriter();

  failed(task: Task, error: unknown): void {
    this.write('error', `Task ${task.label} failed: ${messageOf(error)}`, stackOf(error));
  }

  /** An attempt of a durable execution that another will follow. */
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
    // What it threw instead of the reason may be a failure of its own, so it is told in full.
    else this.write('warn', `Task ${task.label} was cancelled and stopped with:`, stackOf(error));
  }

  /** The function of a task that was given up on has ended with an error after all. */
  failedLate(task: Task, error: unknown): void {
    this.write('debug', `Task ${task.label} had been given up on and failed later: ${messageOf(error)}`);
  }

  discarded(task: Task, reason: string): void {
    this.write('debug', `Task ${task.label} was discarded: ${reason}`);
  }

  /** @param isTold whoever has scheduled it gets the error. */
  discardedByPool(task: Task, reason: string, isTold: boolean): void {
    this.write(isTold ? 'debug' : 'warn', `Task ${task.label} was discarded: ${reason}`);
  }

  blocked(task: Task, milliseconds: number): void {
    this.write(
      'warn',
      `Task ${task.label} held the event loop for ${Math.round(milliseconds)} ms, and every request with it. Await something now and then, or run it in a thread: task({ thread: { file } }). Its function is not named again.`,
    );
  }

  unprotected(task: Task): void {
    this.write(
      'warn',
      `Task ${task.label} is shielded, but nothing in this process listens for SIGTERM, which would end it in its middle. Call app.enableShutdownHooks() before app.listen().`,
    );
  }

  cycle(error: TaskWaitError): void {
    this.write('warn', error.message);
  }

  requeued(task: Task, key: string): void {
    this.write('log', `Task ${task.label}, which shutdown has cancelled, was added to the queue as ${labelText(key)}`);
  }

  requeueFailed(task: Task, error: unknown): void {
    this.write(
      'error',
      `Task ${task.label}, which shutdown has cancelled, could not be added to the queue, and is lost: ${messageOf(error)}`,
      stackOf(error),
    );
  }

  waitUntilFailed(task: Task, error: unknown): void {
    this.write(
      'error',
      `The option waitUntil failed for task ${task.label}, which the platform may cut off: ${messageOf(error)}`,
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

  /** Of the queue, which has its own words. */
  write(level: LogLevel, message: string, stack?: string): void {
    this.writer.write(level, message, stack);
  }
}
