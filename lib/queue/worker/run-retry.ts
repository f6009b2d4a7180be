import { TEN_YEARS, parseDuration, type Duration } from '../../task/duration.js';
import { TasksConfigError } from '../../task/task-errors.js';
import type { TaskRetry } from '../../task/task-retry.js';

/** Time of the next attempt, as the attempt has chosen it. */
export class RunRetry implements TaskRetry {
  /** Delay after the failure, in milliseconds. */
  #delay: number | undefined;
  /** Time in milliseconds since the epoch. */
  #at: number | undefined;

  after(delay: Duration): void {
    this.#delay = parseDuration('context.retry.after()', delay, 0, TEN_YEARS);
    this.#at = undefined;
  }

  at(date: Date): void {
    if (!(date instanceof Date) || Number.isNaN(date.getTime())) {
      throw new TasksConfigError('context.retry.at()', date, 'a valid Date');
    }
    this.#at = date.getTime();
    this.#delay = undefined;
  }

  /** Returns when the next attempt is due; nothing where the attempt has not chosen. */
  dueAfter(failedAt: number): number | undefined {
    if (this.#at !== undefined) return Math.max(failedAt, this.#at);
    return this.#delay === undefined ? undefined : failedAt + this.#delay;
  }
}
