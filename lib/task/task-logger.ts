import { ConsoleLogger, Logger } from '@nestjs/common';
import { KeepingLogger } from './keeping-logger.js';
import { labelText } from './log-text.js';
import type { TaskRun } from './task-parts.js';
import type { Task } from './task.js';

/** True on Nest 12, whose logger takes fields beside a message; Nest 11 prints fields as lines of their own. */
const TAKES_FIELDS = 'serializeError' in ConsoleLogger.prototype;

type Level = 'log' | 'error' | 'warn' | 'debug' | 'verbose' | 'fatal';

/**
 * Creates a logger whose lines carry the task, escaped and cut; the message stays as it is. A durable execution's name
 * and key are fields, so that JSON lines can be searched by them.
 */
export function createTaskLogger(task: Task): Logger {
  const { run } = task;
  if (run === undefined) return new Logger(task.label);
  const logger = createRunLogger(task, run);
  return run.logs === undefined ? logger : new KeepingLogger(logger, run.logs);
}

function createRunLogger(task: Task, run: TaskRun): Logger {
  const name = labelText(task.name);
  const key = labelText(run.key);
  const worker = labelText(run.worker);
  if (TAKES_FIELDS) return new FieldsLogger(name, { task: name, key, attempt: run.attempt, worker });
  return new Logger(`${name} ${key} attempt ${run.attempt} ${worker}`);
}

/** Logger that adds the same fields to each line. */
class FieldsLogger extends Logger {
  constructor(
    private readonly name: string,
    private readonly fields: Readonly<Record<string, unknown>>,
  ) {
    super(name);
  }

  override log(...line: unknown[]): void {
    this.write('log', line);
  }

  override error(...line: unknown[]): void {
    this.write('error', line);
  }

  override warn(...line: unknown[]): void {
    this.write('warn', line);
  }

  override debug(...line: unknown[]): void {
    this.write('debug', line);
  }

  override verbose(...line: unknown[]): void {
    this.write('verbose', line);
  }

  override fatal(...line: unknown[]): void {
    this.write('fatal', line);
  }

  /** Keeps an error's stack last before the context, where loggers look for it. */
  private write(level: Level, [message, ...rest]: unknown[]): void {
    Logger[level](message, this.fields, ...rest, this.name);
  }
}
