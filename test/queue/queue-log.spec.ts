import { describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { QueueLog } from '../../lib/queue/queue-log.js';
import type { Settlement } from '../../lib/queue/brokers/broker.js';
import type { ExecutionRun } from '../../lib/queue/execution-run.js';
import { TaskLog } from '../../lib/scheduler/task-log.js';
import { LogLines } from '../support/log-lines.js';

const NOW = 1_000_000;
const RUN = { name: 'mail.send', key: 'to:ada\nforged', attempt: 2, startedAt: NOW - 12, task: {} } as ExecutionRun;
const ERROR = { name: 'Error', message: 'SECRET' };

describe('QueueLog', () => {
  it.each<[Settlement, counter: string, line: RegExp | undefined]>([
    [{ type: 'complete', result: 'SECRET' }, 'completed', /^debug Execution .* completed in 12 ms/],
    [{ type: 'fail', error: ERROR }, 'failed', undefined],
    [
      { type: 'retry', at: NOW + 50, error: ERROR },
      'retried',
      /^log Execution .* is tried again in 50 ms, after attempt 2/,
    ],
    [
      { type: 'reschedule', at: NOW, args: 'SECRET', error: ERROR },
      'failed',
      /^debug Execution .* runs again at 1970-01-01T00:16:40/,
    ],
    [{ type: 'cancel', reason: 'enough' }, 'cancelled', /^log Execution .* was cancelled: enough/],
    [{ type: 'drop', reason: 'struck' }, 'dropped', /^warn Execution .* was dropped: struck/],
    [{ type: 'park', reason: 'limit' }, 'parked', /^debug Execution .* is parked: limit/],
    [{ type: 'release', reason: 'shutdown' }, 'released', /^log Execution .* goes back to the queue: shutdown/],
    [{ type: 'release', at: NOW, reason: 'unknown' }, 'released', undefined],
  ])('counts $type and tells of it in one line without arguments', (settlement, counter, line) => {
    const lines = new LogLines();
    Logger.overrideLogger(lines);
    const log = new QueueLog(new TaskLog());
    log.settled(RUN, settlement, NOW);
    expect(log.counts).toMatchObject({ [counter]: 1 });
    const others = settlement.type === 'reschedule' ? 1 : 0; // a run has ended, and another follows
    expect(Object.values(log.counts).reduce((sum, count) => sum + count)).toBe(1 + others);
    if (line === undefined) expect(lines.lines).toEqual([]);
    else expect(lines.lines).toEqual([expect.stringMatching(line)]);
    expect(lines.matching('SECRET')).toEqual([]);
    expect(lines.lines.join()).not.toContain('\n');
  });
});
