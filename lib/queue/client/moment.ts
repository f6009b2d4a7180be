import { TEN_YEARS, parseDuration } from '../../task/duration.js';
import { TaskArgumentError } from '../broker/queue-errors.js';

/**
 * Reads a time that has been: a Date, or a Duration ago. In milliseconds since the epoch.
 *
 * @throws {TaskArgumentError}
 */
export function momentOf(call: string, option: string, value: unknown, now: number): number {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.getTime();
  const ago = durationOf(value);
  if (ago !== undefined) return now - ago;
  throw new TaskArgumentError(call, option, value, "a valid Date, or a Duration ago such as '1h' or 3_600_000");
}

/** Returns a Duration in milliseconds; nothing for what is none. */
export function durationOf(value: unknown): number | undefined {
  try {
    return parseDuration('duration', value, 0, TEN_YEARS);
  } catch {
    return undefined;
  }
}
