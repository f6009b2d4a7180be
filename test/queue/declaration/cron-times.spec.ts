import { describe, expect, it } from '@jest/globals';
import { TasksConfigError } from 'nestjs-tasks';
import { CronTimes } from '../../../lib/queue/declaration/cron-times.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const times = (cron: unknown, tz?: unknown): CronTimes => CronTimes.of(cron, tz, '@Perpetual() on task t');
const at = (text: string): number => new Date(text).getTime();
const text = (time: number): string => new Date(time).toISOString().replace(':00.000Z', 'Z');

/** Digits of a clock in a zone, as the number that they would be on UTC. */
type Local = number;

/** Walks minute by minute through what `Intl` says that clocks show. */
class Oracle {
  private readonly format: Intl.DateTimeFormat;

  constructor(zone: string) {
    this.format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  }

  localAt(time: number): Local {
    const parts = Object.fromEntries(this.format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const { year = NaN, month = NaN, day, hour, minute } = parts;
    return Date.UTC(year, month - 1, day, hour, minute);
  }

  /** Moments of a year at which clocks are changed. */
  changesOf(year: number): number[] {
    const changes: number[] = [];
    const end = Date.UTC(year + 1, 0, 1);
    for (let day = Date.UTC(year, 0, 1); day < end; day += DAY) {
      if (this.offsetAt(day) === this.offsetAt(day + DAY)) continue;
      let time = day;
      while (this.offsetAt(time) === this.offsetAt(day)) time += MINUTE;
      changes.push(time);
    }
    return changes;
  }

  /** Each minute of a time, and the local minutes that its beginning has brought: none, one, or all of a gap. */
  walk(from: number, to: number): { readonly time: number; readonly locals: readonly Local[] }[] {
    const steps = [];
    for (let time = from + MINUTE, before = this.localAt(from); time <= to; time += MINUTE) {
      const local = this.localAt(time);
      const isGap = local - before > MINUTE && local - before < DAY;
      const locals = [];
      for (let skipped = isGap ? before + MINUTE : local; skipped <= local; skipped += MINUTE) locals.push(skipped);
      steps.push({ time, locals });
      before = local;
    }
    return steps;
  }

  private offsetAt(time: number): number {
    return this.localAt(time) - time;
  }
}

/** Minutes, hours and days of the week of an expression: all that the table needs. */
function matcherOf(expression: string): { matches(local: Local): boolean; readonly isFixed: boolean } {
  const [minute = '', hour = '', , , weekday = ''] = expression.split(' ');
  const numbersOf = (field: string): Set<number> => {
    const numbers = field.split(',').flatMap((part) => {
      const [range = '', step = '1'] = part.split('/');
      const [low, high = low] = (range === '*' ? '0-59' : range).split('-').map(Number);
      return Array.from({ length: 60 }, (_, number) => number).filter(
        (number) => number >= low! && number <= high! && (number - low!) % Number(step) === 0,
      );
    });
    return new Set(numbers);
  };
  const [minutes, hours, weekdays] = [minute, hour, weekday].map(numbersOf);
  return {
    isFixed: !/[*/]/.test(minute + hour),
    matches(local) {
      const date = new Date(local);
      return minutes!.has(date.getUTCMinutes()) && hours!.has(date.getUTCHours()) && weekdays!.has(date.getUTCDay());
    },
  };
}

/** Times of an expression by the rules that the documentation gives. */
function dueOf(expression: string, steps: ReturnType<Oracle['walk']>): number[] {
  const { matches, isFixed } = matcherOf(expression);
  const seen = new Set<Local>();
  return steps.flatMap(({ time, locals }) => {
    const isDue = locals.some((local) => matches(local) && !(isFixed && seen.has(local)));
    for (const local of locals) seen.add(local);
    return isDue ? [time] : [];
  });
}

function timesIn(expression: string, zone: string, from: number, to: number): number[] {
  const cron = times(expression, zone);
  const due: number[] = [];
  for (let time = cron.nextAfter(from); time <= to; time = cron.nextAfter(time)) due.push(time);
  return due;
}

const ZONES: readonly (readonly [zone: string, ...years: number[]])[] = [
  ['Europe/Berlin', 2026],
  ['America/New_York', 2027],
  ['America/Sao_Paulo', 2018],
  ['America/Santiago', 2026],
  ['Australia/Lord_Howe', 2026],
  ['Africa/Cairo', 2026],
  ['Asia/Beirut', 2026],
  ['America/Havana', 2026],
  ['Antarctica/Troll', 2026],
  ['Atlantic/Azores', 2026],
  ['Pacific/Apia', 2011],
  ['Asia/Kathmandu', 1985],
  ['America/Godthab', 2023, 2027],
  ['Asia/Gaza', 2026],
  ['Asia/Tehran', 2021],
  ['Africa/Casablanca', 2026],
];
const CLOCKS = ['00:00', '00:01', '00:30', '01:00', '01:59', '02:00', '02:15', '02:30', '03:00', '12:00', '23:00', '23:30', '23:59']; // prettier-ignore
const HOURLY = ['0 * * * *', '5 * * * *', '30 * * * *'];
const MANY = ['*/15 * * * *', '*/15 2 * * *', '10-50/20 0,23 * * *', '30 2,14 * * *', '0 0-4 * * *'];

function expressionsAround(change: Local): string[] {
  const weekday = new Date(change).getUTCDay();
  return CLOCKS.flatMap((clock) => {
    const [hour, minute] = clock.split(':').map(Number);
    const weekly = [6, 7].map((day) => `${minute} ${hour} * * ${(weekday + day) % 7}`);
    return [`${minute} ${hour} * * *`, ...weekly];
  }).concat(HOURLY, MANY);
}

describe('CronTimes', () => {
  describe.each(ZONES)('where clocks are changed in %s', (zone, ...years) => {
    const oracle = new Oracle(zone);
    const changes = years.flatMap((year) => oracle.changesOf(year));

    it.each(changes.map((change) => [text(change), change] as const))('%s', (_text, change) => {
      const [from, to] = [change - 30 * HOUR, change + 30 * HOUR];
      const steps = oracle.walk(from, to);
      const wrong = expressionsAround(oracle.localAt(change)).flatMap((expression) => {
        const [due, expected] = [timesIn(expression, zone, from, to), dueOf(expression, steps)];
        if (due.join() === expected.join()) return [];
        const [extra, missing] = [due.filter((x) => !expected.includes(x)), expected.filter((x) => !due.includes(x))];
        return [{ expression, extra: extra.map(text), missing: missing.map(text) }];
      });
      expect(wrong).toEqual([]);
      for (const expression of ['*/15 * * * *', '30 2,14 * * *', '59 23 * * *']) {
        const [cron, expected] = [times(expression, zone), dueOf(expression, steps)];
        for (let now = change - 2 * HOUR; now < change + 2 * HOUR; now += 7 * MINUTE) {
          const next = expected.find((time) => time > now);
          expect([expression, now, cron.nextAfter(now)]).toEqual([expression, now, next]);
        }
      }
    });
  });

  it.each([
    ['59 23 * * *', 'America/Godthab', '2027-03-27T12:00Z', ['2027-03-28T01:00Z', '2027-03-29T00:59Z']],
    ['0 * * * *', 'Australia/Lord_Howe', '2026-10-03T14:30Z', ['2026-10-03T15:30Z', '2026-10-03T16:00Z']],
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00Z', '2026-03-30T00:30Z']],
    ['0 2,14 * * *', 'Europe/Berlin', '2026-10-24T13:00Z', ['2026-10-25T00:00Z', '2026-10-25T13:00Z']],
    ['0 12 * * *', 'Pacific/Apia', '2011-12-28T23:00Z', ['2011-12-29T22:00Z', '2011-12-30T22:00Z']],
  ])('%s in %s after %s', (expression, zone, from, due) => {
    const cron = times(expression, zone);
    const first = cron.nextAfter(at(from));
    expect([first, cron.nextAfter(first)].map(text)).toEqual(due);
  });

  it('goes by the zone of the process where none is given', () => {
    const next = new Date(times('30 2 * * *').nextAfter(at('2026-06-10T12:00Z')));
    expect([next.getHours(), next.getMinutes()]).toEqual([2, 30]);
  });

  it.each([
    ['2026-12-01T00:00:00', 'Europe/Berlin', '2026-11-30T23:00Z'],
    ['2026-12-01T00:00:00', 'UTC', '2026-12-01T00:00Z'],
    ['2026-12-01T00:00:00Z', 'Europe/Berlin', '2026-12-01T00:00Z'],
    ['2026-12-01T00:00:00+05:30', 'Europe/Berlin', '2026-11-30T18:30Z'],
    ['2027-03-28T02:30:00', 'Europe/Berlin', '2027-03-28T01:00Z'],
    ['2026-10-25T02:30:00', 'Europe/Berlin', '2026-10-25T00:30Z'],
    ['2011-12-30T12:00:00', 'Pacific/Apia', '2011-12-30T10:00Z'],
    ['0 30 2 28 3 * 2027', 'Europe/Berlin', '2027-03-28T01:00Z'],
  ])('%s in %s comes once', (expression, zone, moment) => {
    const cron = times(expression, zone);
    expect(text(cron.nextAfter(at('2001-01-01T00:00Z')))).toBe(moment);
    expect(cron.nextAfter(at(moment) - 1)).toBe(at(moment));
    expect(cron.nextAfter(at(moment))).toBe(Infinity);
    expect(cron.lastBefore(at(moment) + 1)).toBe(at(moment));
    expect(cron.lastBefore(at(moment))).toBeUndefined();
  });

  it('has had its time, and so is no mistake of whoever starts the application later', () => {
    expect(times('0 0 0 1 1 * 2020', 'UTC').nextAfter(Date.now())).toBe(Infinity);
    expect(times('2020-01-01T00:00:00', 'UTC').nextAfter(Date.now())).toBe(Infinity);
  });

  it.each([
    ['0 3 * * *', 'Europe/Berlin', '0 3 * * * Europe/Berlin'],
    [' 0  3 * *\t* ', 'Europe/Berlin', '0 3 * * * Europe/Berlin'],
    ['2026-12-01 00:00:00', 'UTC', '2026-12-01 00:00:00 UTC'],
  ])('%p in %s is written as a text, and read from it', (expression, zone, written) => {
    const cron = times(expression, zone);
    expect(cron.text).toBe(written);
    const read = CronTimes.read(written);
    expect(read?.text).toBe(written);
    expect(read?.nextAfter(at('2026-05-01T00:00Z'))).toBe(cron.nextAfter(at('2026-05-01T00:00Z')));
  });

  it('is written with the zone of the process where none is given', () => {
    const cron = times('0 3 * * *');
    expect(cron.text).toMatch(/^0 3 \* \* \* \S+$/);
    expect(CronTimes.read(cron.text)?.nextAfter(0)).toBe(cron.nextAfter(0));
  });

  it.each(['', 'UTC', 'every day UTC', '0 3 * * * Mars/Olympus', '0 3 * * *'])('is not read from %p', (written) => {
    expect(CronTimes.read(written)).toBeUndefined();
  });

  it.each([
    ['at noon', undefined, /cron is 'at noon'.*a cron expression such as/],
    ['', undefined, /cron is ''/],
    [7, undefined, /cron is 7/],
    ['0 0 31 2 *', undefined, /cron is '0 0 31 2 \*'.*that has a time/],
    ['* * * * *', 'Mars/Olympus', /tz is 'Mars\/Olympus'/],
    ['* * * * *', '', /tz is ''/],
  ])('refuses %p in %p', (expression, zone, message) => {
    expect(() => times(expression, zone)).toThrow(TasksConfigError);
    expect(() => times(expression, zone)).toThrow(message);
  });
});
