import { Cron } from 'croner';
import { TasksConfigError } from '../../task/task-errors.js';

const SECOND = 1_000;
const DAY = 86_400_000;
/** Stands for the zone of a process that has no name. */
const UNNAMED = 'local';
/** End of a text that names a moment, and not a local time. */
const HAS_OFFSET = /(Z|[+-]\d\d:?\d\d)$/i;

/**
 * Times of a cron expression in a time zone. croner reads the expression; the rules for days on which clocks are changed
 * are corrected here:
 *
 * - A local time that a change to summer time skips is due at the end of the gap, whatever the expression. croner leaves
 *   it out where the gap ends on the next day, and where the expression has a wildcard.
 * - A day that a zone leaves out (Samoa, 30 December 2011) has no times.
 * - A local time that comes twice is due once where seconds, minutes and hours are numbers, lists or ranges, and twice
 *   where one of them has a wildcard or a step.
 */
export class CronTimes {
  private constructor(
    /** Expression and zone, as `read()` takes them. */
    readonly text: string,
    private readonly cron: Cron,
    /** Same expression on a clock that is never changed. */
    private readonly local: Cron,
    private readonly zone: Zone,
    /** Only time of an expression that names one. */
    private readonly moment: number | undefined,
  ) {}

  /**
   * @param tz default: the zone of the process.
   * @param where prefixes the option in the message, such as `@Perpetual() on task 'orders.findPending'`.
   * @throws {TasksConfigError} when the expression or the zone cannot be used, or the expression has no time at all.
   */
  static of(expression: unknown, tz: unknown, where: string): CronTimes {
    if (typeof expression !== 'string' || expression.trim() === '') {
      throw new TasksConfigError(`${where}: cron`, expression, "a cron expression such as '0 3 * * *'");
    }
    if (tz !== undefined && !isTimeZone(tz)) {
      throw new TasksConfigError(`${where}: tz`, tz, "a time zone of the IANA database, such as 'Europe/Berlin'");
    }
    let times: CronTimes;
    try {
      times = CronTimes.parse(expression.trim().replaceAll(/\s+/g, ' '), tz);
    } catch (error) {
      const why = (error as Error).message;
      throw new TasksConfigError(`${where}: cron`, expression, `a cron expression such as '0 3 * * *' (${why})`);
    }
    if (times.isEmpty) throw new TasksConfigError(`${where}: cron`, expression, 'a cron expression that has a time');
    return times;
  }

  /** Reads the text of other times. @returns nothing for what is none. */
  static read(text: string): CronTimes | undefined {
    const at = text.lastIndexOf(' ');
    const tz = text.slice(at + 1);
    try {
      return CronTimes.parse(text.slice(0, at), tz === UNNAMED ? undefined : tz);
    } catch {
      return undefined;
    }
  }

  /** Throws what croner or `Intl` throw. */
  private static parse(expression: string, tz: string | undefined): CronTimes {
    const options = { paused: true, fixedTimeRule: 'no-wildcard' } as const;
    const cron = new Cron(expression, { ...options, ...(tz !== undefined && { timezone: tz }) });
    const local = new Cron(expression, { ...options, utcOffset: 0 });
    const zone = new Zone(tz);
    const once = cron.getOnce();
    const moment = once === null ? undefined : momentOf(expression, zone, once);
    return new CronTimes(`${expression} ${tz ?? nameOfOwnZone()}`, cron, local, zone, moment);
  }

  /** Returns the first time after a moment, in milliseconds since the epoch, or `Infinity`. */
  nextAfter(time: number): number {
    if (this.moment !== undefined) return this.moment > time ? this.moment : Infinity;
    const next = this.cron.nextRun(new Date(time))?.getTime() ?? Infinity;
    // What lies before the next local time of the expression is no time of it. So of all gaps only this one matters.
    const local = this.local.nextRun(new Date(time + this.zone.offsetAt(time)));
    const end = local === null ? undefined : this.zone.endOfGap(local.getTime(), DAY);
    return end !== undefined && end > time ? Math.min(next, end) : next;
  }

  /** Returns the last time before a moment, as croner sees it. */
  lastBefore(time: number): number | undefined {
    if (this.moment !== undefined) return this.moment < time ? this.moment : undefined;
    return this.cron.previousRuns(1, new Date(time))[0]?.getTime();
  }

  private get isEmpty(): boolean {
    const now = Date.now();
    return this.nextAfter(now) === Infinity && this.lastBefore(now) === undefined;
  }
}

/** Local times of a time zone, as numbers: the moment at which a clock on UTC shows the same digits. */
class Zone {
  private readonly format: Intl.DateTimeFormat | undefined;

  /** @param name default: the zone of the process, which need not have one. */
  constructor(name: string | undefined) {
    if (name === undefined) return;
    this.format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  }

  /** Returns how far local time is ahead of UTC at a moment, in milliseconds. */
  offsetAt(time: number): number {
    if (this.format === undefined) return -60 * SECOND * new Date(time).getTimezoneOffset();
    const [, sign, ...parts] = /([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(this.format.format(time)) ?? [];
    const [hours, minutes, seconds] = parts.map((part) => Number(part ?? 0));
    if (sign === undefined) return 0; // `GMT`
    const size = ((hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * SECOND;
    return sign === '-' ? -size : size;
  }

  /**
   * Returns the end of the gap that a local time lies in. Nothing for a local time that exists.
   *
   * @param limit longer gaps do not count, in milliseconds.
   */
  endOfGap(local: number, limit = Infinity): number | undefined {
    const [before, after] = [this.offsetAt(local - DAY), this.offsetAt(local + DAY)];
    if (after <= before || after - before >= limit) return undefined;
    let [earlier, later] = [local - after, local - before];
    if (this.offsetAt(earlier) !== before || this.offsetAt(later) !== after) return undefined;
    while (later - earlier > SECOND) {
      const middle = earlier + Math.floor((later - earlier) / (2 * SECOND)) * SECOND;
      if (this.offsetAt(middle) === before) earlier = middle;
      else later = middle;
    }
    return later;
  }

  /** Returns the first moment that has a local time; the end of its gap when none has. */
  momentOf(local: number): number {
    const offsets = [this.offsetAt(local - DAY), this.offsetAt(local + DAY)];
    const moments = offsets.map((offset) => local - offset).filter((time) => time + this.offsetAt(time) === local);
    return moments.length > 0 ? Math.min(...moments) : (this.endOfGap(local) ?? local - Math.max(...offsets));
  }
}

/** Reads a date. croner does so by the clock of the process, which may have a gap where the zone has none. */
function momentOf(text: string, zone: Zone, read: Date): number {
  if (HAS_OFFSET.test(text)) return read.getTime();
  const local = Date.parse(`${text}Z`);
  return Number.isNaN(local) ? read.getTime() : zone.momentOf(local);
}

function nameOfOwnZone(): string {
  const name: string | undefined = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return isTimeZone(name) ? name : UNNAMED;
}

function isTimeZone(tz: unknown): tz is string {
  if (typeof tz !== 'string' || tz === '') return false;
  try {
    return Boolean(Intl.DateTimeFormat('en', { timeZone: tz }));
  } catch {
    return false;
  }
}
