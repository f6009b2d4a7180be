import ms from 'ms';
import { TasksConfigError } from './task-errors.js';

/**
 * Length of time: a number of milliseconds, or a string that the `ms` package reads.
 *
 * @example `250`, `'250ms'`, `'5s'`, `'10m'`
 * @publicApi
 */
export type Duration = number | string;

/** Ten years, in milliseconds: the longest time that the queue schedules, or keeps what has ended. */
export const TEN_YEARS = 315_576_000_000;

/** Longest delay of a Node.js timer, 24.8 days; Node fires a longer one at once. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * Reads a duration in milliseconds.
 *
 * @throws {TasksConfigError} naming `option` when the value is unreadable or out of range.
 */
export function parseDuration(option: string, value: unknown, minimum = 0, maximum = MAX_DELAY): number {
  const milliseconds = typeof value === 'string' ? readText(value) : value;
  if (typeof milliseconds !== 'number' || !(milliseconds >= minimum && milliseconds <= maximum)) {
    const most = maximum === MAX_DELAY ? '24.8 days' : ms(maximum, { long: true });
    throw new TasksConfigError(
      option,
      value,
      `milliseconds as a number, or a string such as '250ms', '5s' or '10m', from ${minimum} ms to ${most}`,
    );
  }
  return milliseconds;
}

function readText(text: string): number | undefined {
  try {
    return ms(text as ms.StringValue);
  } catch {
    return undefined; // ms throws on the empty string and on more than 100 characters
  }
}
