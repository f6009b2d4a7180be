import { sleepOn, type Clock } from '../queue/broker/clock.js';
import { parseDuration, type Duration } from '../task/duration.js';
import { TasksConfigError } from '../task/task-errors.js';
import { turn } from './turn.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * Clock that stands still until a test moves it. Callbacks run in order of time, those of the same time in the order in
 * which they were scheduled.
 *
 * @example
 * ```ts
 * const clock = new VirtualClock(new Date('2030-01-01'));
 * clock.schedule(1_000, () => console.log(new Date(clock.now()))); // 2030-01-01T00:00:01.000Z
 * await clock.advance('1m');
 * ```
 * @publicApi
 */
export class VirtualClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();
  /** Number of runs that wait for time and nothing else. @internal */
  sleepers = 0;

  /**
   * Creates the clock.
   *
   * @param start initial time. Default: the real time.
   * @throws {TasksConfigError} when `start` is not a valid date.
   */
  constructor(start = new Date()) {
    this.#now = timeOf('now', start);
  }

  /** Returns the time in milliseconds since the epoch. */
  now(): number {
    return this.#now;
  }

  /**
   * Calls back once, when the clock has been moved by `delay` milliseconds.
   *
   * @returns a function that cancels it.
   */
  schedule(delay: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delay), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Waits for a time of this clock, in milliseconds, or until the signal is aborted. */
  async sleep(delay: number, signal: AbortSignal): Promise<void> {
    this.sleepers += 1;
    try {
      await sleepOn(this, delay, signal);
    } finally {
      this.sleepers -= 1;
    }
  }

  /**
   * Moves the clock, and starts executions that become due on the way, without waiting for their end: for an execution
   * that the test holds. `TestQueue.advance()` waits.
   *
   * @param by a Duration from now, up to 24.8 days, or the Date to move to. The clock never goes back.
   * @throws {TasksConfigError} when `by` is neither.
   */
  advance(by: Duration | Date): Promise<void> {
    return this.advanceWith(by, turn);
  }

  /**
   * Moves the clock.
   *
   * @param settle awaited before the clock is moved, and after each due time: its effects,
   * such as a renewed lease, come before the next.
   * @internal
   */
  async advanceWith(by: Duration | Date, settle: () => Promise<void>): Promise<void> {
    const end = by instanceof Date ? timeOf('advance()', by) : this.#now + parseDuration('advance()', by);
    await settle();
    while (this.next <= end) {
      this.moveTo(this.next);
      await settle();
    }
    this.moveTo(end);
  }

  /**
   * Time of the next timer; `Infinity` without one.
   *
   * @internal
   */
  get next(): number {
    let next = Infinity;
    for (const { at } of this.#timers) next = Math.min(next, at);
    return next;
  }

  /** @internal */
  moveTo(time: number): void {
    this.#now = Math.max(this.#now, time);
    const due = [...this.#timers].filter(({ at }) => at <= this.#now).toSorted((a, b) => a.at - b.at);
    // A callback may cancel another timer.
    for (const timer of due) if (this.#timers.delete(timer)) timer.callback();
  }
}

function timeOf(where: string, date: Date): number {
  const time = date instanceof Date ? date.getTime() : NaN;
  if (Number.isNaN(time)) throw new TasksConfigError(where, date, 'a valid Date');
  return time;
}
