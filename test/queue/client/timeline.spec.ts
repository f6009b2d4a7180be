import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryBroker } from '../../../lib/queue/broker/memory/memory-broker.js';
import { Retention } from '../../../lib/queue/broker/retention.js';
import { Timeline } from '../../../lib/queue/client/timeline.js';
import { QueueLog } from '../../../lib/queue/log/queue-log.js';
import { TaskLog } from '../../../lib/scheduler/task-log.js';
import { VirtualClock } from '../../../lib/testing/virtual-clock.js';
import { until } from '../../support/until.js';

const MINUTE = 60_000;
const START = 30_000_000;

let clock: VirtualClock;
let broker: MemoryBroker;
let log: QueueLog;
let timeline: Timeline;

beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0);
  clock = new VirtualClock(new Date(START * MINUTE + MINUTE - 5));
  const retention = new Retention({ completed: 0, failed: 0, cancelled: 0, dropped: 0 });
  broker = new MemoryBroker({ clock, lease: 1_000, retention, workerId: 'w' });
  log = new QueueLog(new TaskLog(), clock);
  timeline = new Timeline(broker, clock, 'w', log);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await timeline.close();
});

const written = async (): Promise<number[]> =>
  (await broker.timeline.read(START, START + 10)).map(({ minute }) => minute);

describe('Timeline', () => {
  it('writes a minute when it is over, and that once', async () => {
    const write = jest.spyOn(broker.timeline, 'write');
    log.tallies.count('a', 'added');
    log.tallies.count('b', 'added');
    expect(await written()).toEqual([]);
    await clock.advance(5);
    await until(async () => (await written()).length > 0, 'the minute to be written');
    expect(await written()).toEqual([START]);
    expect(write).toHaveBeenCalledTimes(1);
    await until(() => log.tallies.closed().length === 0, 'the minute to be forgotten');
    const rows = await timeline.rows({ from: START, to: START + 1, step: 1 });
    expect(rows.map(({ task, added }) => [task, added])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });

  it('writes later what could not be written, and has it meanwhile', async () => {
    const write = jest.spyOn(broker.timeline, 'write').mockRejectedValue(new Error('down'));
    log.tallies.count('a', 'added');
    await clock.advance(5);
    await until(() => log.counts.disruptions === 1, 'the failure');
    const rows = async (): Promise<number[]> =>
      (await timeline.rows({ from: START, to: START + 1, step: 1 })).map(({ added }) => added);
    expect(await rows()).toEqual([1]);
    write.mockRestore();
    await clock.advance(MINUTE - 5); // the next try comes at the end of a minute
    await timeline.close();
    expect([await written(), await rows()]).toEqual([[START], [1]]);
  });
});
