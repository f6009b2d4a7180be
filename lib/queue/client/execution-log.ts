import type { LogLevel } from '@nestjs/common';
import { readLines } from '../broker/logged-lines.js';

/**
 * Line that a run of an execution has written to `context.logger`.
 *
 * @publicApi
 */
export interface ExecutionLogLine {
  readonly at: Date;
  readonly level: LogLevel;
  /** Message in one line, escaped, and cut at 1 kB. */
  readonly message: string;
  /** Attempt that has written it, from 1. */
  readonly attempt: number;
}

/** Reads stored lines. */
export function logLinesOf(text: string | undefined): ExecutionLogLine[] {
  return readLines(text).lines.map(([at, level, message, attempt]) => ({
    at: new Date(at),
    level: level as LogLevel,
    message,
    attempt,
  }));
}
