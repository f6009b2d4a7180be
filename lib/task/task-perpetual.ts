import type { Duration } from './duration.js';

/**
 * What follows the run of a perpetual task that goes on here. Each attempt decides anew; without a word, the next run
 * follows in time and with the same arguments, whether this one succeeds or fails.
 *
 * @publicApi
 */
export interface TaskPerpetual {
  /** From start to start, for the next run alone, in milliseconds; `undefined` for one that goes by `cron`. */
  get every(): number | undefined;
  set every(interval: Duration);
  /** No run follows. This one ends as it does, and its result is kept. */
  cancel(): void;
  /**
   * The arguments of the runs that follow.
   *
   * @throws {TaskArgumentError} when one of them cannot travel.
   */
  perpetuate(...args: unknown[]): void;
  /** The next run follows so long from now. */
  after(delay: Duration): void;
  /** The next run follows then; at once when that is past. */
  at(date: Date): void;
}
