import type { Duration } from './duration.js';

/**
 * Delay of the next attempt, if the current one fails. Replaces the policy's delay, shorter or longer, and leaves the
 * number of attempts unchanged. After the last attempt, or an error that `retryOn` refuses, no attempt follows. The
 * last call of the attempt counts.
 *
 * @publicApi
 */
export interface TaskRetry {
  /**
   * Delays the next attempt.
   *
   * @param delay counted from the failure. Up to ten years; 0 for at once.
   * @throws {TasksConfigError} when `delay` is not such a Duration.
   * @example
   * ```ts
   * const response = await fetch(url, { signal: this.context.signal });
   * if (response.status === 429) {
   *   this.context.retry.after(Number(response.headers.get('Retry-After')) * 1_000);
   *   throw new Error('The API wants us to wait');
   * }
   * ```
   */
  after(delay: Duration): void;
  /**
   * Sets the time of the next attempt.
   *
   * @param date a past one means at once.
   * @throws {TasksConfigError} when `date` is not a valid Date.
   */
  at(date: Date): void;
}
