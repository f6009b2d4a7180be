/**
 * How far the run of a durable execution has come, for those who watch it in any process. Of an attempt: the next one
 * begins anew.
 *
 * @publicApi
 */
export interface TaskProgress {
  /** From 0. May exceed the total. */
  readonly current: number;
  /**
   * Sets what `current` counts up to. Default 100.
   *
   * @throws {TasksConfigError} when `n` is not a number from 1.
   */
  total(n: number): void;
  /**
   * Counts up.
   *
   * @param by default 1.
   * @throws {TasksConfigError} when `by` is not a number from 1.
   */
  increment(by?: number): void;
  /** Tells what it is at, in up to 1 kB: the rest is cut off. `null` takes that back. */
  message(text: string | null): void;
}
