import { Injectable, Logger } from '@nestjs/common';
import { escapeControls } from '../task/log-text.js';
import type { Task } from '../task/task.js';
import { describeValue, isError, type TaskWaitError } from '../task/task-errors.js';

/**
 * Every line that the library logs. Never arguments: they hold what users typed. A logger that throws must not take
 * the task's error handler, its siblings or the process with it.
 */
@Injectable()
export class TaskLog {
  private readonly logger = new Logger('Tasks');

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
    else this.write('warn', `Task ${task.label} was cancelled and stopped with: ${stackOf(error)}`);
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

  cycle(error: TaskWaitError): void {
    this.write('warn', error.message);
  }

  handedOver(task: Task, key: string): void {
    this.write(
      'log',
      `Task ${task.label}, which shutdown has cancelled, was added to the queue as ${escapeControls(key)}`,
    );
  }

  handoverFailed(task: Task, error: unknown): void {
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
  write(level: 'debug' | 'log' | 'warn' | 'error', message: string, stack?: string): void {
    try {
      if (stack === undefined) this.logger[level](message);
      else this.logger[level](message, stack);
    } catch (loggerError) {
      // The last place left that cannot throw.
      process.stderr.write(`${message}\n(The application's logger failed: ${messageOf(loggerError)})\n`);
    }
  }
}

/** How many causes of causes are worth a line; some errors are their own. */
const MAX_CAUSES = 8;

/** An error in one line, whatever was thrown. */
function messageOf(error: unknown): string {
  try {
    return isError(error) ? String(error.message) : `${describeValue(error)} was thrown`;
  } catch {
    return 'an error that cannot be described';
  }
}

/** An error with its stack and its causes. */
function stackOf(error: unknown, depth = 0): string {
  try {
    if (!isError(error)) return messageOf(error);
    const own = String(error.stack ?? `${error.name}: ${error.message}`);
    return error.cause === undefined || depth === MAX_CAUSES
      ? own
      : `${own}\nCaused by: ${stackOf(error.cause, depth + 1)}`;
  } catch {
    return messageOf(error);
  }
}
