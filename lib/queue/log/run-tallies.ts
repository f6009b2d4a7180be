import type { Clock } from '../broker/clock.js';
import { MINUTE } from '../broker/timeline-store.js';
import { TaskTally, writeTallies, type Counted } from './task-tally.js';

/** Minutes that are kept while they cannot be written down: two hours. */
const MOST_KEPT = 120;

/** Start of a run, as it is counted. Times are in milliseconds since the epoch. */
export interface CountedStart {
  readonly name: string;
  /** Time since which it was due. */
  readonly dueAt: number;
  /** Call of its function. */
  readonly calledAt: number;
}

/** End of a run, or of an attempt. */
export type Outcome = Extract<Counted, 'completed' | 'failed' | 'retried' | 'cancelled' | 'dropped'>;

/** Run that has ended. */
export interface CountedEnd extends CountedStart {
  /** `undefined` where its function was not called. */
  readonly task: object | undefined;
}

/** Listener to each start and end of a run in this process. Times are in milliseconds. */
export interface RunListener {
  started(name: string, latency: number): void;
  ended(name: string, outcome: Outcome, duration: number): void;
}

/** Counts of a minute, as text. */
export interface ClosedMinute {
  /** Minutes since the epoch. */
  readonly minute: number;
  /** Number in this process. */
  readonly number: number;
  readonly text: string;
}

/**
 * Counts what happens to the executions of each task in this process, minute by minute. Each run comes here twice, so
 * nothing is made for a run: numbers grow in objects that are used again in the next minute.
 */
export class RunTallies {
  listener: RunListener | undefined;
  /** Called with the first count of a minute. */
  onMinute: (() => void) | undefined;

  readonly #tallies = new Map<string, TaskTally>();
  /** Name and counts of the task that was counted last: nearly always that of the next count, too. */
  #lastName: string | undefined;
  #last: TaskTally | undefined;
  #minute = -1;
  /** End of the current minute, in milliseconds since the epoch. */
  #until = -Infinity;
  #number = 0;
  #closed: ClosedMinute[] = [];

  constructor(private readonly clock: Clock) {}

  count(name: string, counted: Counted, at = this.clock.now()): void {
    this.#of(name, at)[counted] += 1;
  }

  started({ name, dueAt, calledAt }: CountedStart): void {
    const latency = Math.max(0, calledAt - dueAt);
    const tally = this.#of(name, calledAt);
    tally.started += 1;
    tally.wait.add(latency);
    this.listener?.started(name, latency);
  }

  ended({ name, calledAt, task }: CountedEnd, outcome: Outcome, now: number): void {
    const tally = this.#of(name, now);
    tally[outcome] += 1;
    if (task === undefined) return;
    const duration = Math.max(0, now - calledAt);
    tally.run.add(duration);
    this.listener?.ended(name, outcome, duration);
  }

  /** Returns the minutes that are over, and not yet forgotten. @param isAll closes the current one as well. */
  closed(isAll = false): readonly ClosedMinute[] {
    if (isAll || this.clock.now() >= this.#until) this.#close();
    return this.#closed;
  }

  /** Returns the counts of the current minute. */
  current(): ClosedMinute | undefined {
    const text = this.#text();
    return text === undefined ? undefined : { minute: this.#minute, number: this.#number, text };
  }

  forget(written: ClosedMinute): void {
    this.#closed = this.#closed.filter((each) => each !== written);
  }

  /** A time before the current minute counts in it: that one may be written down. */
  #of(name: string, at: number): TaskTally {
    if (at >= this.#until) this.#begin(at);
    if (this.#last !== undefined && this.#lastName === name) return this.#last;
    let tally = this.#tallies.get(name);
    if (tally === undefined) this.#tallies.set(name, (tally = new TaskTally()));
    this.#lastName = name;
    this.#last = tally;
    return tally;
  }

  #begin(at: number): void {
    this.#close();
    this.#minute = Math.floor(at / MINUTE);
    this.#until = (this.#minute + 1) * MINUTE;
    this.onMinute?.();
  }

  #close(): void {
    const text = this.#text();
    if (text !== undefined) {
      this.#closed.push({ minute: this.#minute, number: this.#number, text });
      if (this.#closed.length > MOST_KEPT) this.#closed.shift();
    }
    this.#number += 1;
    this.#until = -Infinity;
    this.#last = undefined;
    for (const [name, tally] of this.#tallies) {
      // Names of tasks of other processes come and go.
      if (tally.isEmpty) this.#tallies.delete(name);
      else tally.clear();
    }
  }

  #text(): string | undefined {
    const tallies = [...this.#tallies].filter(([, tally]) => !tally.isEmpty);
    return tallies.length === 0 ? undefined : writeTallies(tallies);
  }
}
