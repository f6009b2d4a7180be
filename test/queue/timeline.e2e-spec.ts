import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TaskArgumentError, TaskContext, type TimelineOptions, type TimelineRow } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { BROKERS, brokerSpace } from '../support/brokers.js';
import { observe, startQueue } from '../support/queue-context.js';
import { until } from '../support/until.js';

jest.setTimeout(30_000);

@Injectable()
class Orders {
  readonly go = new Gate();

  constructor(private readonly context: TaskContext) {}

  @Durable('orders.note')
  note(_what: unknown): void {}

  @Durable('orders.fail', { retry: { attempts: 2, delay: 1 } })
  fail(isForGood: boolean): void {
    if (isForGood || this.context.attempt === 1) throw new Error('bad');
  }

  @Durable('orders.hold')
  async hold(): Promise<void> {
    const { signal } = this.context;
    await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  }
}

const NONE = { added: 0, started: 0, completed: 0, failed: 0, retried: 0, cancelled: 0, dropped: 0 };
const NEVER = { p50: undefined, p95: undefined };
const ANY = { p50: expect.any(Number), p95: expect.any(Number) };

/** Sums over the rows of a task: a test may fall into two minutes. */
function sums(rows: readonly TimelineRow[], task: string): Record<string, number> {
  const sum: Record<string, number> = { ...NONE };
  for (const row of rows.filter((each) => each.task === task)) {
    for (const field of Object.keys(NONE) as (keyof typeof NONE)[]) sum[field] = (sum[field] ?? 0) + row[field];
  }
  return sum;
}

describe.each(BROKERS)('queue.timeline(): $label', (kind) => {
  const space = brokerSpace(kind);

  it('counts what happened to each task, also before it is written down', async () => {
    await using test = await startQueue(space, { providers: [Orders] });
    const [orders, queue] = [test.context.get(Orders), test.queue];
    const [, held] = await Promise.all([queue.add(orders.note)('a'), queue.add(orders.hold, { key: 'held' })()]);
    const ends = await Promise.all([queue.add(orders.fail)(true), queue.add(orders.fail)(false)]);
    await Promise.allSettled(ends.map((execution) => execution.result()));
    await until(() => queue.counts.started === 6, 'all to start');
    await held.cancel('enough');
    await queue.add(orders.note, { key: 'later', when: '1h' })('b');
    await queue.cancel('later');
    await until(() => queue.counts.cancelled === 2, 'both to be cancelled');
    const rows = await queue.timeline({ since: '10m' });
    expect(sums(rows, 'orders.note')).toEqual({ ...NONE, added: 2, started: 1, completed: 1, cancelled: 1 });
    expect(sums(rows, 'orders.fail')).toEqual({ ...NONE, added: 2, started: 4, retried: 2, failed: 1, completed: 1 });
    expect(sums(rows, 'orders.hold')).toEqual({ ...NONE, added: 1, started: 1, cancelled: 1 });
    expect(rows.find(({ task, started }) => task === 'orders.fail' && started > 0)).toMatchObject({
      wait: ANY,
      run: ANY,
    });
  });

  it('is there for other processes, and after the shutdown of those that counted', async () => {
    const first = await startQueue(space, { providers: [Orders] });
    await (await first.queue.add(first.context.get(Orders).note)('a')).result();
    await first.context.close();
    if (!kind.isShared) return;
    await using second = await startQueue(space, { providers: [Orders] }, { fleet: first.fleet, worker: false });
    expect(sums(await second.queue.timeline({ since: '10m' }), 'orders.note')).toEqual({
      ...NONE,
      added: 1,
      started: 1,
      completed: 1,
    });
    await second.queue.add('orders.note', { when: '1h' })('b');
    expect(sums(await second.queue.timeline({ since: '10m' }), 'orders.note')).toMatchObject({ added: 2, started: 1 });
    await second.queue.clear();
  });

  it('skips and counts records that cannot be read', async () => {
    await using test = await startQueue(space, { providers: [Orders] });
    await using broker = observe(space, test);
    const minute = Math.floor(Date.now() / 60_000) - 1;
    await broker.timeline.write({ minute, source: 'old', text: '{"tasks":{"a":{"a":"many"}}}' });
    await broker.timeline.write({ minute, source: 'new', text: '{"tasks":{"b":{"a":7,"z":{}}},"also":1}' });
    expect(await test.queue.timeline({ since: '10m' })).toEqual([
      { at: new Date(minute * 60_000), task: 'b', ...NONE, added: 7, wait: NEVER, run: NEVER },
    ]);
    expect(test.queue.counts.unreadable).toBe(1);
    expect(test.logs.matching('Stored entry of the timeline at')).toHaveLength(1);
  });

  it('adds up the minutes of a step, and the processes', async () => {
    await using test = await startQueue(space, { providers: [Orders] });
    await using broker = observe(space, test);
    const hour = Math.floor(Date.now() / 3_600_000) * 60 - 60;
    for (const [at, source] of [
      [0, 'x'],
      [59, 'x'],
      [59, 'y'],
      [60, 'x'],
    ] as const) {
      const text = `{"tasks":{"b":{"s":10,"w":[${at},10]},"a":{"a":1}}}`;
      await broker.timeline.write({ minute: hour + at, source: `${source}${at}`, text });
    }
    const rows = await test.queue.timeline({
      since: new Date(hour * 60_000 + 30_000),
      until: new Date((hour + 59) * 60_000),
      step: '1h',
    });
    expect(rows).toEqual([
      { at: new Date(hour * 60_000), task: 'a', ...NONE, added: 3, wait: NEVER, run: NEVER },
      { at: new Date(hour * 60_000), task: 'b', ...NONE, started: 30, wait: { p50: 110, p95: 110 }, run: NEVER },
    ]);
  });

  it.each<[option: string, options: unknown]>([
    ['options', undefined],
    ['since', {}],
    ['since', { since: 'yesterday' }],
    ['since', { since: new Date(NaN) }],
    ['since', { since: -1 }],
    ['since', { since: '1m', until: '2m' }],
    ['until', { since: '1h', until: null }],
    ['step', { since: '1h', step: '30s' }],
    ['step', { since: '1h', step: '90s' }],
    ['step', { since: '1h', step: 0 }],
    ['untill', { since: '1h', untill: '5m' }],
  ])('refuses %s in %j', async (option, options) => {
    await using test = await startQueue(space, { providers: [Orders] });
    const refused = test.queue.timeline(options as TimelineOptions);
    await expect(refused).rejects.toThrow(TaskArgumentError);
    await expect(refused).rejects.toMatchObject({ argument: option });
  });
});
