import { parseDuration, type Duration } from './duration.js';
import { KnownOptions } from './known-options.js';
import { TasksConfigError } from './task-errors.js';

/**
 * Whether and when a durable execution that has failed is tried again.
 *
 * @publicApi
 */
export interface RetryOptions {
  /** How often it is tried in all; `Infinity` for as long as it takes. Default 1: no retry. */
  attempts?: number | undefined;
  /** Before the second attempt. Default `'1s'`. */
  delay?: Duration | undefined;
  /** `exponential` doubles the delay with each attempt. Default `'exponential'`. */
  backoff?: 'exponential' | 'fixed' | undefined;
  /** No delay is longer, the first one neither. Default `'5m'`. */
  maxDelay?: Duration | undefined;
  /** Which share of each delay is left to chance, from 0 to 1; `true` for all of it. Default 0. */
  jitter?: boolean | number | undefined;
  /** Whether this error is worth another attempt. Default: every error is. */
  retryOn?: { decide(error: unknown): boolean }['decide'] | undefined;
}

const RETRY = new KnownOptions<RetryOptions>(
  { attempts: true, delay: true, backoff: true, maxDelay: true, jitter: true, retryOn: true },
  { times: 'attempts', limit: 'attempts', max: 'attempts', retries: 'attempts, which counts the first one too' },
);

/** What to write where a place without retries is given some. */
export const RETRY_REMEDY = "retry in @Durable(name, { retry: { attempts: 5, delay: '1s' } }) on the task's method";

/** Retry options after checks and defaults. */
export class RetryPolicy {
  private constructor(
    readonly attempts: number,
    private readonly delay: number,
    private readonly isExponential: boolean,
    private readonly maxDelay: number,
    private readonly jitter: number,
    private readonly retryOn: RetryOptions['retryOn'],
  ) {}

  /**
   * @param where prefixes the option in the message, such as `@Durable().retry`.
   * @throws {TasksConfigError} on the first option that cannot be used.
   */
  static of(options: RetryOptions | undefined, where: string): RetryPolicy {
    if (options !== undefined && (typeof options !== 'object' || options === null)) {
      throw new TasksConfigError(where, options, 'an object with attempts, delay, backoff, maxDelay, jitter, retryOn');
    }
    if (options !== undefined) RETRY.check(options, where);
    const { attempts = 1, delay = '1s', backoff = 'exponential', maxDelay = '5m', jitter = 0, retryOn } = options ?? {};
    if (attempts !== Infinity && !(Number.isInteger(attempts) && attempts >= 1)) {
      throw new TasksConfigError(`${where}.attempts`, attempts, 'a whole number from 1, or Infinity');
    }
    if (backoff !== 'exponential' && backoff !== 'fixed') {
      throw new TasksConfigError(`${where}.backoff`, backoff, `'exponential' or 'fixed'`);
    }
    if (typeof jitter !== 'boolean' && !(typeof jitter === 'number' && jitter >= 0 && jitter <= 1)) {
      throw new TasksConfigError(`${where}.jitter`, jitter, 'a number from 0 to 1, true or false');
    }
    if (retryOn !== undefined && typeof retryOn !== 'function') {
      throw new TasksConfigError(`${where}.retryOn`, retryOn, 'a function (error) => boolean');
    }
    return new RetryPolicy(
      attempts,
      parseDuration(`${where}.delay`, delay),
      backoff === 'exponential',
      parseDuration(`${where}.maxDelay`, maxDelay),
      Number(jitter),
      retryOn,
    );
  }

  /** Whether another attempt follows the failure of this one. What `retryOn` throws is the caller's to handle. */
  allows(attempt: number, error: unknown): boolean {
    return attempt < this.attempts && (this.retryOn?.(error) ?? true);
  }

  /** How long to wait after the failure of `attempt`, in milliseconds. */
  delayAfter(attempt: number): number {
    const full = this.isExponential ? this.delay * 2 ** Math.min(attempt - 1, 64) : this.delay;
    const capped = Math.min(full, this.maxDelay);
    return Math.round(capped * (1 - this.jitter * Math.random()));
  }
}
