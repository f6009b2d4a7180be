import { describe, expect, it, jest } from '@jest/globals';
import { Logger, type LogLevel } from '@nestjs/common';
import type { LoggedCall } from '../../../lib/queue/declaration/logged-call.js';
import { QueueLog } from '../../../lib/queue/log/queue-log.js';

import type { ExecutionRun } from '../../../lib/queue/worker/execution-run.js';
import { TaskLog } from '../../../lib/scheduler/task-log.js';
import { LogLines } from '../../support/log-lines.js';
import type { Settlement } from '../../../lib/queue/broker/settlement.js';

const NOW = 1_000_000;
const RUN = { name: 'mail.send', key: 'to:ada\nforged', attempt: 2, startedAt: NOW - 12, task: {} } as ExecutionRun;
const ERROR = { name: 'Error', message: 'SECRET' };

describe('QueueLog', () => {
  it.each<[Settlement, counter: string, line: RegExp | undefined]>([
    [{ type: 'complete', result: 'SECRET' }, 'completed', /^debug Execution .* completed in 12ms/],
    [{ type: 'fail', error: ERROR }, 'failed', undefined],
    [{ type: 'retry', at: NOW + 50, error: ERROR }, 'retried', /^log Execution .* is retried in 50ms, after attempt 2/],
    [
      { type: 'reschedule', at: NOW, args: 'SECRET', error: ERROR },
      'failed',
      /^debug Execution .* runs again at 1970-01-01T00:16:40/,
    ],
    [{ type: 'cancel', reason: 'enough' }, 'cancelled', /^log Execution .* was cancelled: enough/],
    [{ type: 'drop', reason: 'struck' }, 'dropped', /^warn Execution .* was dropped: struck/],
    [{ type: 'park', reason: 'limit' }, 'parked', /^debug Execution .* is parked: limit/],
    [{ type: 'release', reason: 'shutdown' }, 'released', /^log Execution .* was released: shutdown/],
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

  it.each<[what: string, levels: LogLevel[] | undefined, logger: object | false, isShown: boolean]>([
    ['where levels were never set, as by default', undefined, {}, true],
    ['where the logger itself has the level', undefined, { isLevelEnabled: () => true }, true],
    ['where the logger itself has it off', undefined, { isLevelEnabled: () => false }, false],
    ['where the application has it off', ['log', 'warn'], {}, false],
    ['where logging is off', undefined, false, false],
  ])('tells of starts on Nest 11, which denies every level until some are set: %s', (_what, levels, own, isShown) => {
    const lines = new LogLines();
    Logger.overrideLogger(own === false ? false : Object.assign(lines, own));
    const logger = Logger as unknown as { logLevels: LogLevel[] | undefined };
    logger.logLevels = levels;
    const isEnabled = jest.spyOn(Logger, 'isLevelEnabled');
    isEnabled.mockImplementation((level) => levels?.includes(level) ?? false);
    try {
      const log = new QueueLog(new TaskLog());
      const render = jest.fn(() => 'mail.send(to=…)');
      log.started({ render } as unknown as LoggedCall, [], RUN);
      log.settled(RUN, { type: 'complete', result: '' }, NOW);
      expect(render).toHaveBeenCalledTimes(isShown ? 1 : 0);
      expect(lines.matching('debug Execution')).toHaveLength(isShown ? 2 : 0);
    } finally {
      isEnabled.mockRestore();
      logger.logLevels = undefined;
    }
  });

  it('names few of many unknown tasks, each once a minute, and remembers no more', () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(NOW);
    const lines = new LogLines();
    Logger.overrideLogger(lines);
    const log = new QueueLog(new TaskLog());
    const tellOfMany = (): void => {
      for (let number = 0; number < 20_000; number += 1) log.unknown(`nobody.${number}`, `k${number}`, 500);
    };
    tellOfMany();
    tellOfMany();
    expect(lines.lines).toHaveLength(21);
    expect(lines.lines[0]).toMatch(/^warn Execution nobody\.0 \(k0\) was released for 500ms: task/);
    expect(lines.lines[20]).toMatch(/^warn More than 20 task names in the queue are not declared in this process/);
    expect(Reflect.get(log, 'recent')).toHaveProperty('size', 21);
    now.mockReturnValue(NOW + 60_001);
    log.unknown('nobody.19999', 'k', 500);
    expect(lines.lines).toHaveLength(22);
    expect(lines.lines[21]).toContain('nobody.19999 (k)');
    expect(Reflect.get(log, 'recent')).toHaveProperty('size', 1);
    now.mockRestore();
  });
});
