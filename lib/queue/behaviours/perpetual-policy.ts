import { Cron } from 'croner';
import type { PerpetualOptions } from '../../decorators/behaviour-metadata.js';
import { parseDuration } from '../../task/duration.js';
import { TasksConfigError } from '../../task/task-errors.js';

/** When one run was due and has started, in milliseconds since the epoch. */
export interface RunTimes {
  readonly dueAt: number;
  readonly startedAt: number;
}

/** When a perpetual task runs again. Options after checks and defaults. */
export class PerpetualPolicy {
  private constructor(
    /** In milliseconds; of a cron expression nothing. */
    readonly every: number | undefined,
    private readonly cron: Cron | undefined,
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
    if (cron !== undefined) return new PerpetualPolicy(undefined, parseCron(cron, tz, where), automatic);
    const interval = parseDuration(`${where}: every`, every ?? 0);
    if (automatic && interval === 0) {
      throw new TasksConfigError(`${where}: every`, every, "more than 0 with automatic: true, such as '1m'");
    }
    return new PerpetualPolicy(interval, undefined, automatic);
  }

  /** When an automatic one runs for the first time. */
  firstAt(now: number): number {
    return this.cron === undefined ? now : this.afterCron(now);
  }

  /**
   * The start that follows a run. It is counted from when that was due, so that small delays do not add up; from its
   * start when it was late by more than half an interval; and what took longer than an interval is followed at once, by
   * one run and not by all that were missed.
   */
  nextAt({ dueAt, startedAt }: RunTimes, now: number, every = this.every): number {
    if (every === undefined) return this.afterCron(now);
    const from = startedAt - dueAt > every / 2 ? startedAt : Math.min(dueAt, startedAt);
    return Math.max(now, from + every);
  }

  private afterCron(now: number): number {
    const next = this.cron?.nextRun(new Date(now));
    // An expression that has no time left would have been refused at the start, but for one with years.
    return next?.getTime() ?? Infinity;
  }
}

function parseCron(expression: string, tz: string | undefined, where: string): Cron {
  if (typeof expression !== 'string' || expression.trim() === '') {
    throw new TasksConfigError(`${where}: cron`, expression, "a cron expression such as '0 3 * * *'");
  }
  if (tz !== undefined && !isTimeZone(tz)) {
    throw new TasksConfigError(`${where}: tz`, tz, "a time zone of the IANA database, such as 'Europe/Berlin'");
  }
  try {
    const cron = new Cron(expression, { paused: true, ...(tz !== undefined && { timezone: tz }) });
    if (cron.nextRun() !== null) return cron;
  } catch (error) {
    const why = (error as Error).message;
    throw new TasksConfigError(`${where}: cron`, expression, `a cron expression such as '0 3 * * *' (${why})`);
  }
  throw new TasksConfigError(`${where}: cron`, expression, 'a cron expression that has a time in the future');
}

function isTimeZone(tz: unknown): boolean {
  if (typeof tz !== 'string' || tz === '') return false;
  try {
    return Boolean(Intl.DateTimeFormat('en', { timeZone: tz }));
  } catch {
    return false;
  }
}
