import { parseDuration, type Duration } from './duration.js';
import { KnownOptions } from './known-options.js';
import { TasksConfigError } from './task-errors.js';

/**
 * Retries of a failed durable execution.
 *
 * @publicApi
 */
export interface RetryOptions {
  /** Total number of attempts, the first included; `Infinity` for no limit. Default 1: no retry. */
  attempts?: number | undefined;
  /** Delay before the second attempt. Default `'1s'`. */
  delay?: Duration | undefined;
  /** Growth of the delay: `exponential` doubles it with every attempt. Default `'exponential'`. */
  backoff?: 'exponential' | 'fixed' | undefined;
  /** Upper bound of every delay, the first included. Default `'5m'`. */
  maxDelay?: Duration | undefined;
  /** Random share of each delay, from 0 to 1; `true` for all of it. Default 0. */
  jitter?: boolean | number | undefined;
  /** Decides by the error if another attempt follows. Default: always. */
  retryOn?: { decide(error: unknown): boolean }['decide'] | undefined;
}

const RETRY = new KnownOptions<RetryOptions>(
  { attempts: true, delay: true, backoff: true, maxDelay: true, jitter: true, retryOn: true },
  { times: 'attempts', limit: 'attempts', max: 'attempts', retries: 'attempts, which counts the first one too' },
);

/** Remedy where retries are given to a place without them. */
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
   * Checks the options and fills in the defaults.
   *
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

  /** Decides if another attempt follows this failure. The caller handles errors of `retryOn`. */
  allows(attempt: number, error: unknown): boolean {
    return attempt < this.attempts && (this.retryOn?.(error) ?? true);
  }

  /** Returns the delay after the failure of `attempt`, in milliseconds. */
  delayAfter(attempt: number): number {
    const full = this.isExponential ? this.delay * 2 ** Math.min(attempt - 1, 64) : this.delay;
    const capped = Math.min(full, this.maxDelay);
    return Math.round(capped * (1 - this.jitter * Math.random()));
  }
}
