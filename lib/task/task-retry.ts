import type { Duration } from './duration.js';

/**
 * When a durable execution is tried again, if the attempt that runs here fails. It takes the place of the policy's delay,
 * also where that would be shorter or longer, and changes nothing about how many attempts there are: after the last, or
 * an error that `retryOn` refuses, none follows. Each attempt decides anew; the last call counts.
 *
 * @publicApi
 */
export interface TaskRetry {
  /**
   * @param delay counted from the failure. Up to ten years; 0 for at once.
   * @throws {TasksConfigError} when it is no such Duration.
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
   * @param date one that has passed is at once.
   * @throws {TasksConfigError} when it is no valid Date.
   */
  at(date: Date): void;
}
