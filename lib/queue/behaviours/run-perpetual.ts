import { parseDuration, type Duration } from '../../task/duration.js';
import { TasksConfigError } from '../../task/task-errors.js';
import type { TaskPerpetual } from '../../task/task-perpetual.js';
import type { Clock } from '../clock.js';
import { encodeArgs } from '../payload.js';
import type { PerpetualPolicy, RunTimes } from './perpetual-policy.js';

/** What an attempt of a perpetual task has decided about the next run. */
export class RunPerpetual implements TaskPerpetual {
  #every: number | undefined;
  #at: number | undefined;
  #isCancelled = false;
  #args: string;

  constructor(
    private readonly policy: PerpetualPolicy,
    private readonly task: string,
    /** Encoded: those of this run. */
    args: string,
    private readonly times: RunTimes,
    private readonly clock: Clock,
  ) {
    this.#args = args;
  }

  get every(): number | undefined {
    return this.#every ?? this.policy.every;
  }

  set every(interval: Duration) {
    this.#every = parseDuration('context.perpetual.every', interval);
    this.#at = undefined;
  }

  cancel(): void {
    this.#isCancelled = true;
  }

  perpetuate(...args: unknown[]): void {
    this.#args = encodeArgs(this.task, args);
  }

  after(delay: Duration): void {
    this.#at = this.clock.now() + parseDuration('context.perpetual.after()', delay);
  }

  at(date: Date): void {
    if (!(date instanceof Date) || Number.isNaN(date.getTime())) {
      throw new TasksConfigError('context.perpetual.at()', date, 'a valid Date');
    }
    this.#at = date.getTime();
  }

  /** The next run; nothing when none follows. */
  get next(): { readonly at: number; readonly args: string } | undefined {
    if (this.#isCancelled) return undefined;
    const now = this.clock.now();
    const at = this.#at ?? this.policy.nextAt(this.times, now, this.every);
    return { at: Math.max(now, at), args: this.#args };
  }
}
