import { parseDuration, type Duration } from './duration.js';

/**
 * Time limit of the running attempt.
 *
 * @publicApi
 */
export interface TaskTimeout {
  /** Rest in milliseconds; `Infinity` where the task has no timeout. */
  readonly remaining: number;
  /**
   * Gives the attempt more time. No effect where the task has no timeout, or the attempt is over.
   *
   * @param by default: the task's `timeout`.
   * @throws {TasksConfigError} when `by` cannot be read.
   */
  extend(by?: Duration): void;
}

/** Timeout of an attempt whose task has none. */
export const NO_TIMEOUT: TaskTimeout = { remaining: Infinity, extend: () => {} };

/** Calls back when an attempt has used up its time. */
export class AttemptTimeout implements TaskTimeout {
  #deadline = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    private readonly limit: number,
    private readonly onExpire: (limit: number) => void,
  ) {
    this.extend();
  }

  get remaining(): number {
    return this.#isOver ? 0 : Math.max(0, this.#deadline - performance.now());
  }

  extend(by: Duration = this.limit): void {
    const more = parseDuration('timeout.extend()', by);
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#deadline += more;
    this.#timer = setTimeout(() => this.#expire(), this.remaining);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
  }

  #expire(): void {
    const limit = this.limit;
    this.clear();
    this.onExpire(limit);
  }
}
