import type { Clock } from '../queue/broker/clock.js';
import { parseDuration, type Duration } from '../task/duration.js';
import { TasksConfigError } from '../task/task-errors.js';
import { turn } from './turn.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until a test moves it. What is scheduled on it is called in order of time, and what has the
 * same time in the order in which it was scheduled.
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

  /**
   * @param start what it shows at first. Default: the real time.
   * @throws {TasksConfigError} when that is no valid date.
   */
  constructor(start = new Date()) {
    this.#now = timeOf('now', start);
  }

  /** In milliseconds since the epoch. */
  now(): number {
    return this.#now;
  }

  /**
   * Calls back once, when the clock has been moved on by `delay` milliseconds.
   *
   * @returns what takes it back.
   */
  schedule(delay: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delay), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /**
   * Moves the clock, and so starts what comes due on the way, without waiting for its end: the way to let time pass for an
   * execution that the test holds. `TestQueue.advance()` waits.
   *
   * @param by a Duration from now, up to 24.8 days, or the Date to move to. The clock never goes back.
   * @throws {TasksConfigError} when it is neither.
   */
  advance(by: Duration | Date): Promise<void> {
    return this.advanceWith(by, turn);
  }

  /**
   * @param settle awaited before the clock is moved, and after each time at which something was due: the effects of one,
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
   * When something is due next; `Infinity` where nothing is.
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
    // One may take back another.
    for (const timer of due) if (this.#timers.delete(timer)) timer.callback();
  }
}

function timeOf(where: string, date: Date): number {
  const time = date instanceof Date ? date.getTime() : NaN;
  if (Number.isNaN(time)) throw new TasksConfigError(where, date, 'a valid Date');
  return time;
}
