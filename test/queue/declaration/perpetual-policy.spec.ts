import { describe, expect, it } from '@jest/globals';
import { TasksConfigError, type PerpetualOptions } from 'nestjs-tasks';
import { PerpetualPolicy } from '../../../lib/queue/declaration/perpetual-policy.js';

const policy = (options: PerpetualOptions): PerpetualPolicy => PerpetualPolicy.of(options, '@Perpetual() on task t');
const at = (text: string): number => new Date(text).getTime();

describe('PerpetualPolicy', () => {
  describe('every', () => {
    const minute = policy({ every: '1m' });

    it('counts from when the run was due, so that small delays do not add up', () => {
      let dueAt = 0;
      for (let run = 1; run <= 1_000; run += 1) {
        dueAt = minute.nextAt({ dueAt, startedAt: dueAt + 7 }, dueAt + 50);
        expect(dueAt).toBe(run * 60_000);
      }
    });

    it('counts from the start of a run that was late', () => {
      expect(minute.nextAt({ dueAt: 0, startedAt: 40_000 }, 41_000)).toBe(100_000);
      expect(minute.nextAt({ dueAt: 0, startedAt: 3_600_000 }, 3_601_000)).toBe(3_660_000);
    });

    it('runs at once, and once, after a run that took longer', () => {
      expect(minute.nextAt({ dueAt: 0, startedAt: 0 }, 200_000)).toBe(200_000);
    });

    it('takes another interval for one run', () => {
      expect(minute.nextAt({ dueAt: 0, startedAt: 0 }, 10, 30_000)).toBe(30_000);
    });

    it('runs at once where there is none', () => {
      expect(policy({}).nextAt({ dueAt: 0, startedAt: 5 }, 20)).toBe(20);
    });

    it('begins at once', () => {
      expect(minute.firstAt(17)).toBe(17);
    });
  });

  describe('cron', () => {
    const next = (options: PerpetualOptions, now: string): string => {
      const time = policy(options).nextAt({ dueAt: 0, startedAt: 0 }, at(now));
      return new Date(time).toISOString();
    };

    it.each<[PerpetualOptions, now: string, then: string]>([
      [{ cron: '0 3 * * *', tz: 'UTC' }, '2026-01-10T02:59:59.999Z', '2026-01-10T03:00:00.000Z'],
      [{ cron: '0 3 * * *', tz: 'UTC' }, '2026-01-10T03:00:00.000Z', '2026-01-11T03:00:00.000Z'],
      [{ cron: '*/5 * * * * *', tz: 'UTC' }, '2026-01-10T00:00:01Z', '2026-01-10T00:00:05.000Z'],
      [{ cron: '0 9 * * MON', tz: 'UTC' }, '2026-01-10T00:00:00Z', '2026-01-12T09:00:00.000Z'],
      [{ cron: '0 3 * * *', tz: 'Europe/Berlin' }, '2026-01-10T00:00:00Z', '2026-01-10T02:00:00.000Z'],
      [{ cron: '0 3 * * *', tz: 'Europe/Berlin' }, '2026-07-10T00:00:00Z', '2026-07-10T01:00:00.000Z'],
      [{ cron: '0 3 * * *', tz: 'America/New_York' }, '2026-01-10T00:00:00Z', '2026-01-10T08:00:00.000Z'],
    ])('%p after %s is %s', (options, now, then) => {
      expect(next(options, now)).toBe(then);
    });

    it('runs once on the day on which its hour is skipped, and on that on which it comes twice', () => {
      // Berlin: 2026-03-29 has no 02:30, 2026-10-25 has two.
      const daily = { cron: '30 2 * * *', tz: 'Europe/Berlin' };
      const runsFrom = (start: string, days: number): string[] => {
        const runs: string[] = [];
        for (let now = at(start); ;) {
          now = policy(daily).nextAt({ dueAt: 0, startedAt: 0 }, now);
          if (now >= at(start) + days * 86_400_000) return runs;
          runs.push(new Date(now).toISOString());
        }
      };
      expect(runsFrom('2026-03-27T12:00:00Z', 4)).toEqual([
        '2026-03-28T01:30:00.000Z',
        '2026-03-29T01:00:00.000Z',
        '2026-03-30T00:30:00.000Z',
        '2026-03-31T00:30:00.000Z',
      ]);
      expect(runsFrom('2026-10-23T12:00:00Z', 4)).toEqual([
        '2026-10-24T00:30:00.000Z',
        '2026-10-25T00:30:00.000Z',
        '2026-10-26T01:30:00.000Z',
        '2026-10-27T01:30:00.000Z',
      ]);
    });

    it('waits for its time at first', () => {
      expect(policy({ cron: '0 3 * * *', tz: 'UTC' }).firstAt(at('2026-01-10T00:00:00Z'))).toBe(
        at('2026-01-10T03:00:00Z'),
      );
    });

    it('has each time once, though the clock goes back during the run or is behind', () => {
      const hourly = policy({ cron: '0 * * * *', tz: 'UTC' });
      const dueAt = at('2026-01-10T03:00:00Z');
      for (const now of ['2026-01-10T02:59:58Z', '2026-01-10T02:59:59.999Z', '2026-01-10T03:00:00Z']) {
        expect(hourly.nextAt({ dueAt, startedAt: at(now) }, at(now))).toBe(at('2026-01-10T04:00:00Z'));
        expect(hourly.firstAt(at(now), dueAt)).toBe(at('2026-01-10T04:00:00Z'));
      }
      expect(hourly.nextAt({ dueAt, startedAt: dueAt }, at('2026-01-10T05:30:00Z'))).toBe(at('2026-01-10T06:00:00Z'));
    });

    it('has no next time after the last one', () => {
      const once = policy({ cron: '2026-12-01T00:00:00', tz: 'UTC' });
      const dueAt = at('2026-12-01T00:00:00Z');
      expect(once.firstAt(dueAt - 1)).toBe(dueAt);
      expect(once.nextAt({ dueAt, startedAt: dueAt }, dueAt + 5)).toBe(Infinity);
    });

    it('gives way to an interval for one run', () => {
      expect(policy({ cron: '0 3 * * *' }).nextAt({ dueAt: 0, startedAt: 10 }, 20, 100)).toBe(100);
    });
  });

  describe('as a text', () => {
    it.each<[PerpetualOptions, schedule: string]>([
      [{ every: '1h' }, 'every 3600000'],
      [{ every: 3_600_000, automatic: true }, 'every 3600000'],
      [{ every: 0.5 }, 'every 0.5'],
      [{ cron: ' 0  3 * * *', tz: 'Europe/Berlin' }, 'cron 0 3 * * * Europe/Berlin'],
    ])('%p is %s, and is read from it', (options, schedule) => {
      const [written, read] = [policy(options), PerpetualPolicy.read(schedule)];
      expect(written.schedule).toBe(schedule);
      const times = { dueAt: 1_000, startedAt: 1_100 };
      expect(read?.nextAt(times, 2_000)).toBe(written.nextAt(times, 2_000));
      expect([read?.schedule, read?.isAutomatic]).toEqual([schedule, true]);
    });

    it.each(['', 'every', 'every ', 'every 0', 'every -1', 'every Infinity', 'every day', 'cron', 'cron ', 'moon'])(
      'is not read from %p',
      (schedule) => {
        expect(PerpetualPolicy.read(schedule)).toBeUndefined();
      },
    );
  });

  describe('in the place of another', () => {
    it.each<[PerpetualOptions, last: number | undefined, now: number, start: number]>([
      [{ every: 60_000 }, undefined, 5_000, 5_000],
      [{ every: 60_000 }, 0, 5_000, 60_000],
      [{ every: 60_000 }, 0, 90_000, 90_000],
      [{ cron: '* * * * *', tz: 'UTC' }, undefined, 5_000, 60_000],
      [{ cron: '* * * * *', tz: 'UTC' }, 60_000, 59_000, 120_000],
    ])('%p after a start at %p begins, at %p, at %p', (options, last, now, start) => {
      expect(policy(options).resumeAt(last, now)).toBe(start);
    });

    it.each<[PerpetualOptions, start: number, before: number]>([
      [{ every: 60_000 }, 90_000, 30_000],
      [{ cron: '* * * * *', tz: 'UTC' }, 120_000, 60_000],
    ])('%p tells what was before %p', (options, start, before) => {
      expect(policy(options).startBefore(start)).toBe(before);
    });
  });

  it.each<[PerpetualOptions, message: RegExp]>([
    [{ every: -1 }, /every is -1/],
    [{ every: 'soon' }, /every is 'soon'/],
    [{ every: 0, automatic: true }, /every is 0.*more than 0 with automatic/],
    [{ automatic: true }, /every is undefined.*more than 0 with automatic/],
    [{ cron: 'at noon' }, /cron is 'at noon'.*cron expression/],
    [{ cron: '99 * * * *' }, /cron is '99 \* \* \* \*'/],
    [{ cron: '' }, /cron is ''/],
    [{ cron: '0 0 31 2 *' }, /cron is '0 0 31 2 \*'/],
    [{ cron: '* * * * *', tz: 'Mars/Olympus' }, /tz is 'Mars\/Olympus'/],
    [{ cron: '* * * * *', tz: '' }, /tz is ''/],
    [{ every: 5, cron: '* * * * *' }, /one of every and cron/],
    [{ every: 5, tz: 'UTC' }, /tz is 'UTC'/],
    [{ every: 5, automatic: 'yes' as never }, /automatic is 'yes'/],
    ['1m' as never, /is '1m'/],
  ])('refuses %p', (options, message) => {
    expect(() => policy(options)).toThrow(TasksConfigError);
    expect(() => policy(options)).toThrow(message);
    expect(() => policy(options)).toThrow('@Perpetual() on task t');
  });
});
