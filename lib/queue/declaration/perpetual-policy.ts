import type { PerpetualOptions } from '../../decorators/behaviour-metadata.js';
import { parseDuration } from '../../task/duration.js';
import { TasksConfigError } from '../../task/task-errors.js';
import { CronTimes } from './cron-times.js';

/** Times at which a run was due and has started, in milliseconds since the epoch. */
export interface RunTimes {
  readonly dueAt: number;
  readonly startedAt: number;
}

const EVERY = 'every ';
const CRON = 'cron ';

/** Schedule of a perpetual task. Options after checks and defaults. */
export class PerpetualPolicy {
  private constructor(
    /** Interval in milliseconds; `undefined` for a cron expression. */
    readonly every: number | undefined,
    private readonly cron: CronTimes | undefined,
    readonly isAutomatic: boolean,
  ) {}

  /**
   * @param where prefixes the option in the message, such as `@Perpetual() of task 'orders.findPending'`.
   * @throws {TasksConfigError} on the first option that cannot be used.
   */
  static of(options: PerpetualOptions, where: string): PerpetualPolicy {
    if (typeof options !== 'object' || options === null) {
      throw new TasksConfigError(where, options, 'an object with every or cron, tz, automatic');
    }
    const { every, cron, tz, automatic = false } = options;
    if (typeof automatic !== 'boolean') throw new TasksConfigError(`${where}: automatic`, automatic, 'true or false');
    if (every !== undefined && cron !== undefined) {
      throw new TasksConfigError(`${where}: cron`, cron, 'one of every and cron, not both');
    }
    if (tz !== undefined && cron === undefined) {
      throw new TasksConfigError(`${where}: tz`, tz, 'a time zone beside a cron expression only');
    }
    if (cron !== undefined) return new PerpetualPolicy(undefined, CronTimes.of(cron, tz, where), automatic);
    const interval = parseDuration(`${where}: every`, every ?? 0);
    if (automatic && interval === 0) {
      throw new TasksConfigError(`${where}: every`, every, "more than 0 with automatic: true, such as '1m'");
    }
    return new PerpetualPolicy(interval, undefined, automatic);
  }

  /**
   * Reads the policy of an automatic task in another worker, which may be of another version.
   *
   * @param schedule the other policy's.
   * @returns nothing for what this version cannot read.
   */
  static read(schedule: string): PerpetualPolicy | undefined {
    if (schedule.startsWith(CRON)) {
      const cron = CronTimes.read(schedule.slice(CRON.length));
      return cron && new PerpetualPolicy(undefined, cron, true);
    }
    const every = schedule.startsWith(EVERY) ? Number(schedule.slice(EVERY.length)) : NaN;
    return every > 0 && every < Infinity ? new PerpetualPolicy(every, undefined, true) : undefined;
  }

  /** Schedule as a short text: `every 60000`, `cron 0 3 * * * Europe/Berlin`. */
  get schedule(): string {
    return this.cron === undefined ? `${EVERY}${this.every}` : `${CRON}${this.cron.text}`;
  }

  /**
   * Returns when an automatic task begins.
   *
   * @param last time that is done with, where one is known: a clock that goes back must not repeat it.
   */
  firstAt(now: number, last = -Infinity): number {
    return this.cron === undefined ? now : this.cron.nextAfter(Math.max(now, last));
  }

  /**
   * Returns the start that follows a run. It is counted from when that was due, so that small delays do not add up; from its
   * start when it was late by more than half an interval; and what took longer than an interval is followed at once, by
   * one run and not by all that were missed.
   *
   * A time of a cron expression comes once, also when the clock goes back during the run, or that of the worker is behind.
   */
  nextAt({ dueAt, startedAt }: RunTimes, now: number, every = this.every): number {
    if (every === undefined) return this.firstAt(now, dueAt);
    const from = startedAt - dueAt > every / 2 ? startedAt : Math.min(dueAt, startedAt);
    return Math.max(now, from + every);
  }

  /**
   * Returns the start that takes the place of one by another policy, which is still to come.
   *
   * @param last the start before the one that is replaced; nothing where there was none.
   */
  resumeAt(last: number | undefined, now: number): number {
    if (this.every === undefined || last === undefined) return this.firstAt(now, last);
    return Math.max(now, last + this.every);
  }

  /** Returns the start before one that goes by this policy. */
  startBefore(start: number): number | undefined {
    return this.cron === undefined ? start - (this.every ?? 0) : this.cron.lastBefore(start);
  }
}
