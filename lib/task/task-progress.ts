/**
 * Progress of a durable run, visible in any process. Every attempt starts from 0.
 *
 * @publicApi
 */
export interface TaskProgress {
  /** Count from 0. May exceed the total. */
  readonly current: number;
  /**
   * Sets the total of `current`. Default 100.
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
  /** Sets a text of at most 1 kB; the rest is cut off. `null` removes it. */
  message(text: string | null): void;
}
