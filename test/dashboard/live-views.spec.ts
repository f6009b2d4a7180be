import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BrokerUnavailableError } from 'nestjs-tasks';
import type { DashboardLog } from '../../lib/dashboard/dashboard-log.js';
import type { DashboardViews, Query } from '../../lib/dashboard/dashboard-views.js';
import { LiveTimes } from '../../lib/dashboard/live/live-times.js';
import { LiveViews } from '../../lib/dashboard/live/live-views.js';

/** Times of the real stream, in milliseconds. */
const { fast, longest } = new LiveTimes();

/** Views of a test: each look takes a time, and gives the next of its texts. */
class TestViews implements Pick<DashboardViews, 'lookOf'> {
  /** Times of the beginnings of looks, by the view. */
  readonly looks: Record<string, number[]> = {};
  takes: Record<string, number> = {};
  read: (view: string) => unknown = () => 'the same';

  lookOf(view: string, query: Query) {
    return {
      key: `${view} ${JSON.stringify(query)}`,
      read: async (): Promise<unknown> => {
        (this.looks[view] ??= []).push(performance.now());
        await new Promise((resolve) => setTimeout(resolve, this.takes[view] ?? 0));
        return this.read(view);
      },
    };
  }
}

function newLive() {
  const views = new TestViews();
  const failed: unknown[] = [];
  const log = { viewFailed: (_view: string, error: unknown) => failed.push(error) } as unknown as DashboardLog;
  const live = new LiveViews(views as unknown as DashboardViews, new LiveTimes(), log);
  const heard: string[] = [];
  const listen = (view: string, as = view): (() => void) =>
    live.follow(view, {}, ({ event, text }) => heard.push(`${as}: ${event} ${text}`));
  return { views, failed, heard, listen };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('live views', () => {
  it('look again after a second, and after twenty times what the look took', async () => {
    const { views, listen } = newLive();
    listen('now');
    await jest.advanceTimersByTimeAsync(3 * fast + 10);
    expect(views.looks['now']).toHaveLength(4);
    views.takes = { now: 200 };
    await jest.advanceTimersByTimeAsync(fast + 200);
    const before = views.looks['now']!.length;
    await jest.advanceTimersByTimeAsync(3_900);
    expect(views.looks['now']).toHaveLength(before);
    await jest.advanceTimersByTimeAsync(300);
    expect(views.looks['now']).toHaveLength(before + 1);
  });

  it('share the time for all looks, up to a minute', async () => {
    const { views, listen } = newLive();
    views.takes = { now: 100, limits: 300 };
    listen('now');
    listen('limits');
    await jest.advanceTimersByTimeAsync(400);
    await jest.advanceTimersByTimeAsync(20_000);
    const before = views.looks['now']!.length;
    await jest.advanceTimersByTimeAsync(7_000);
    expect(views.looks['now']!.length - before).toBeLessThanOrEqual(1);
    views.takes = { now: 100, limits: 30_000 };
    await jest.advanceTimersByTimeAsync(100_000);
    const last = views.looks['limits']!.length;
    await jest.advanceTimersByTimeAsync(longest + 30_100);
    expect(views.looks['limits']!.length).toBeGreaterThan(last);
  });

  it('tell a second listener at once, by one look', async () => {
    const { views, heard, listen } = newLive();
    listen('now', 'ada');
    await jest.advanceTimersByTimeAsync(10);
    listen('now', 'bob');
    expect(heard).toEqual(['ada: view "the same"', 'bob: view "the same"']);
    expect(views.looks['now']).toHaveLength(1);
  });

  it('do nothing without a listener', async () => {
    const { views, listen } = newLive();
    const leave = listen('now');
    await jest.advanceTimersByTimeAsync(10);
    leave();
    expect(jest.getTimerCount()).toBe(0);
    await jest.advanceTimersByTimeAsync(10 * longest);
    expect(views.looks['now']).toHaveLength(1);
  });

  it('do nothing more when the listener leaves during a look', async () => {
    const { views, heard, listen } = newLive();
    views.takes = { now: 500 };
    const leave = listen('now');
    await jest.advanceTimersByTimeAsync(10);
    leave();
    await jest.advanceTimersByTimeAsync(10 * longest);
    expect(views.looks['now']).toHaveLength(1);
    expect(heard).toEqual([]);
  });

  it('keep what is fresh for a stream that is renewed', async () => {
    const { views, heard, listen } = newLive();
    views.takes = { now: 200 };
    const leave = listen('now', 'first');
    await jest.advanceTimersByTimeAsync(210);
    leave();
    await jest.advanceTimersByTimeAsync(500);
    listen('now', 'again');
    expect(heard).toEqual(['first: view "the same"', 'again: view "the same"']);
    await jest.advanceTimersByTimeAsync(400);
    expect(views.looks['now']).toHaveLength(1);
  });

  it('look at once for a listener that comes later, and tell it what is still the same', async () => {
    const { heard, listen } = newLive();
    listen('now', 'first')();
    const leave = listen('now', 'second');
    await jest.advanceTimersByTimeAsync(10);
    leave();
    await jest.advanceTimersByTimeAsync(longest);
    listen('now', 'third');
    await jest.advanceTimersByTimeAsync(10);
    expect(heard).toEqual(['second: view "the same"', 'third: view "the same"']);
  });

  it('tell a listener that comes during the look of one that has left', async () => {
    const { views, heard, listen } = newLive();
    views.takes = { now: 500 };
    const leave = listen('now', 'first');
    await jest.advanceTimersByTimeAsync(10);
    leave();
    listen('now', 'second');
    await jest.advanceTimersByTimeAsync(600);
    expect(heard).toEqual(['second: view "the same"']);
  });

  it('tell each trouble once, then the view again, though it is the same', async () => {
    const { views, failed, heard, listen } = newLive();
    listen('now');
    await jest.advanceTimersByTimeAsync(10);
    views.read = () => {
      throw new BrokerUnavailableError('Redis', 'connect ECONNREFUSED');
    };
    await jest.advanceTimersByTimeAsync(5 * fast);
    views.read = () => 'the same';
    await jest.advanceTimersByTimeAsync(2 * fast);
    expect(heard).toEqual([
      'now: view "the same"',
      expect.stringMatching(/^now: outage \{"message":"Redis is unreachable: connect ECONNREFUSED/),
      'now: view "the same"',
    ]);
    expect(failed).toEqual([]);
  });

  it('log an error that is nobody’s input once, and do not show it', async () => {
    const { views, failed, heard, listen } = newLive();
    const error = new TypeError('password hunter2');
    views.read = () => {
      throw error;
    };
    listen('now');
    await jest.advanceTimersByTimeAsync(5 * fast);
    expect(failed).toEqual([error]);
    expect(heard).toEqual(['now: outage {"message":"The dashboard failed. The log of the application says why."}']);
  });
});
