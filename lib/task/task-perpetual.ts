import type { Duration } from './duration.js';

/**
 * Controls the next run of a perpetual task. If the attempt sets nothing, schedule and arguments stay, after a success
 * and after a failure.
 *
 * @publicApi
 */
export interface TaskPerpetual {
  /** Interval from start to start, in milliseconds, for the next run alone; `undefined` for a task with `cron`. */
  get every(): number | undefined;
  set every(interval: Duration);
  /** Cancels all further runs. The current run ends as usual, and its result is kept. */
  cancel(): void;
  /**
   * Sets the arguments of the further runs.
   *
   * @throws {TaskArgumentError} when one of them cannot travel.
   */
  perpetuate(...args: unknown[]): void;
  /** Delays the next run by this duration from now. */
  after(delay: Duration): void;
  /** Sets the time of the next run; a past one means at once. */
  at(date: Date): void;
}
