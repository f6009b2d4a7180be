import { Logger, type LogLevel } from '@nestjs/common';
import type { TaskLines } from './task-parts.js';

/** Logger of a run whose lines are kept with its execution, whether or not the application's logger shows them. */
export class KeepingLogger extends Logger {
  constructor(
    private readonly target: Logger,
    private readonly lines: TaskLines,
  ) {
    super();
  }

  override log(...line: unknown[]): void {
    this.pass('log', line);
  }

  override error(...line: unknown[]): void {
    this.pass('error', line);
  }

  override warn(...line: unknown[]): void {
    this.pass('warn', line);
  }

  override debug(...line: unknown[]): void {
    this.pass('debug', line);
  }

  override verbose(...line: unknown[]): void {
    this.pass('verbose', line);
  }

  override fatal(...line: unknown[]): void {
    this.pass('fatal', line);
  }

  private pass(level: LogLevel, line: unknown[]): void {
    this.lines.add(level, line[0]);
    const write: (...line: unknown[]) => void = this.target[level];
    write.apply(this.target, line);
  }
}
