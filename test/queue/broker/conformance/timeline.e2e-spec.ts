import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { describeBrokers } from './suite.js';
import { minutesIn, TIMELINE_RETENTION } from '../../../../lib/queue/broker/timeline-store.js';
import { until } from '../../../support/until.js';

jest.setTimeout(60_000);

const NOW = Math.floor(Date.now() / 60_000);
const record = (minute: number, source: string, text = `${source} at ${minute}`) => ({ minute, source, text });

describeBrokers('timeline', (suite) => {
  const read = async (from: number, to: number): Promise<string[]> =>
    (await suite.other.timeline.read(from, to))
      .map(({ minute, source, text }) => `${minute} ${source} ${text}`)
      .toSorted();

  it('is empty at first', async () => {
    expect(await read(NOW - 5_000, NOW + 1)).toEqual([]);
  });

  it('returns the records of a span, of all processes', async () => {
    const { timeline } = suite.broker;
    for (const minute of [NOW - 3, NOW - 2, NOW - 1, NOW]) await timeline.write(record(minute, 'w-1'));
    await suite.other.timeline.write(record(NOW - 2, 'w-2 with a space'));
    expect(await read(NOW - 2, NOW)).toEqual([
      `${NOW - 2} w-1 w-1 at ${NOW - 2}`,
      `${NOW - 2} w-2 with a space w-2 with a space at ${NOW - 2}`,
      `${NOW - 1} w-1 w-1 at ${NOW - 1}`,
    ]);
  });

  it('has a record once that is written twice', async () => {
    for (let time = 0; time < 2; time += 1) await suite.broker.timeline.write(record(NOW, 'w-1'));
    expect(await read(NOW, NOW + 1)).toHaveLength(1);
  });

  it('keeps any text', async () => {
    const text = JSON.stringify({ text: "NUL \0, surrogate \ud800, quote ', 😀" });
    await suite.broker.timeline.write(record(NOW, 'w-1', text));
    expect(await suite.other.timeline.read(NOW, NOW + 1)).toEqual([record(NOW, 'w-1', text)]);
  });
});

describeBrokers('duties', (suite) => {
  it('are of one process at a time, which may keep them', async () => {
    const { duties } = suite.broker;
    expect(await duties.take('observe', 'w-1', 60_000)).toBe(true);
    expect(await duties.take('observe', 'w-1', 60_000)).toBe(true);
    if (!suite.kind.isShared) return;
    expect(await suite.other.duties.take('observe', 'w-2', 60_000)).toBe(false);
    expect(await suite.other.duties.take('another', 'w-2', 60_000)).toBe(true);
  });

  it('go to the next process that asks when they are let go of, by whoever has them', async () => {
    if (!suite.kind.isShared) return;
    await suite.broker.duties.take('observe', 'w-1', 60_000);
    await suite.other.duties.leave('observe', 'w-2');
    expect(await suite.other.duties.take('observe', 'w-2', 60_000)).toBe(false);
    await suite.broker.duties.leave('observe', 'w-1');
    expect(await suite.other.duties.take('observe', 'w-2', 60_000)).toBe(true);
  });

  it('go to another process when the holder has died', async () => {
    if (!suite.kind.isShared) return;
    await suite.broker.duties.take('observe', 'w-1', 200);
    await until(async () => {
      await sleep(20);
      return suite.other.duties.take('observe', 'w-2', 60_000);
    }, 'the lease to expire');
    expect(await suite.broker.duties.take('observe', 'w-1', 60_000)).toBe(false);
  });
});

describe('minutesIn', () => {
  it('covers a span in parts', () => {
    expect([...minutesIn(5, 10, 2)]).toEqual([[5, 6], [7, 8], [9]]);
    expect([...minutesIn(5, 5, 2)]).toEqual([]);
  });

  it('goes by 72 hours', () => {
    expect(TIMELINE_RETENTION).toBe(72 * 3_600_000);
  });
});
