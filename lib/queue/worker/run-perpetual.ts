import { parseDuration, type Duration } from '../../task/duration.js';
import { TasksConfigError } from '../../task/task-errors.js';
import type { TaskPerpetual } from '../../task/task-perpetual.js';

import type { Clock } from '../broker/clock.js';
import { encodeArgs } from '../declaration/payload.js';
import type { ChainRule } from '../rules/chain-schedules.js';
import type { NextRun } from '../rules/rule.js';
import type { RunTimes } from '../declaration/perpetual-policy.js';
import type { ChainSchedule } from '../broker/record.js';

/** Decisions of an attempt of a perpetual task about the next run. */
export class RunPerpetual implements TaskPerpetual {
  #every: number | undefined;
  #at: number | undefined;
  #isCancelled = false;
  #args: string;

  constructor(
    private readonly rule: ChainRule,
    private readonly task: string,
    /** Encoded: those of this run. */
    args: string,
    private readonly times: RunTimes,
    private readonly clock: Clock,
    /** Largest arguments, in bytes. */
    private readonly maxSize: number,
  ) {
    this.#args = args;
  }

  get every(): number | undefined {
    return this.#every ?? this.rule.policy.every;
  }

  set every(interval: Duration) {
    this.#every = parseDuration('context.perpetual.every', interval);
    this.#at = undefined;
  }

  cancel(): void {
    this.#isCancelled = true;
  }

  perpetuate(...args: unknown[]): void {
    this.#args = encodeArgs(this.task, args, this.maxSize);
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

  /** Next run; nothing when none follows. */
  get next(): NextRun | undefined {
    if (this.#isCancelled) return undefined;
    const now = this.clock.now();
    const at = this.#at ?? this.rule.policy.nextAt(this.times, now, this.every);
    if (at === Infinity) return undefined; // of a cron expression with a last time
    return { at: Math.max(now, at), args: this.#args, ...(this.#schedule && { schedule: this.#schedule }) };
  }

  /** Time of the next run by the policy that was in force until this run; nothing where the policy stays. */
  get formerAt(): number | undefined {
    return this.rule.former?.nextAt(this.times, this.clock.now());
  }

  get #schedule(): ChainSchedule | undefined {
    const { schedule } = this.rule;
    const isOverridden = this.#at !== undefined || this.#every !== undefined;
    return schedule && isOverridden ? { ...schedule, isOverridden } : schedule;
  }
}
