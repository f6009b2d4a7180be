import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { Durable, TaskQueue, TaskScheduler, type TasksModuleOptions } from 'nestjs-tasks';
import { startContext, type TestContext } from '../support/context.js';

@Injectable()
class Payments {
  @Durable('charge', { shield: true })
  charge(): void {}
}

const MARKS = ['NODE_ENV', 'JEST_WORKER_ID', 'VITEST', 'NODE_TEST_CONTEXT'] as const;

describe('a shielded task in a process that SIGTERM would end', () => {
  const kept: Record<string, string | undefined> = {};
  const listener = (): void => {};

  /** As in production: nothing tells that a test runs. */
  beforeEach(() => {
    for (const mark of MARKS) {
      kept[mark] = process.env[mark];
      delete process.env[mark];
    }
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
  });
  afterEach(() => {
    jest.useRealTimers();
    process.off('SIGTERM', listener);
    for (const mark of MARKS) if (kept[mark] !== undefined) process.env[mark] = kept[mark];
  });

  const start = (options: TasksModuleOptions = {}): Promise<TestContext> =>
    startContext(options, { providers: [Payments] });
  const shield = async (context: INestApplicationContext, name = 'charge'): Promise<void> => {
    await context
      .get(TaskScheduler)
      .task({ name, shield: true })
      .schedule(() => {}).done;
  };
  const warnings = ({ logs }: TestContext): string[] => logs.matching('listener for SIGTERM');

  it('is warned of once, with what to call', async () => {
    await using test = await start();
    await shield(test.context);
    await shield(test.context);
    expect(warnings(test)).toEqual([]);
    jest.advanceTimersByTime(1_000);
    expect(warnings(test)).toEqual([
      expect.stringMatching(
        /^warn Task charge#\d+ is shielded, and this process has no listener for SIGTERM, which would end the task\. Call app\.enableShutdownHooks\(\) before app\.listen\(\)\./,
      ),
    ]);
    await shield(test.context);
    jest.advanceTimersByTime(10_000);
    expect(warnings(test)).toHaveLength(1);
  });

  it('is warned of when it is a durable one', async () => {
    await using test = await start();
    await (await test.context.get(TaskQueue).add('charge')()).result();
    jest.advanceTimersByTime(1_000);
    expect(warnings(test)).toEqual([expect.stringContaining('Task charge')]);
  });

  it('is not warned of where somebody listens, also if only since the application has started', async () => {
    await using test = await start();
    await shield(test.context);
    process.on('SIGTERM', listener);
    jest.advanceTimersByTime(1_000);
    expect(warnings(test)).toEqual([]);
  });

  it('is not warned of when the application has closed, has no shielded task, or cannot be killed so', async () => {
    await using plain = await start();
    await plain.scheduler.schedule(() => {}).done;
    await using frozen = await start({ waitUntil: () => {} });
    await shield(frozen.context);
    const closed = await start();
    await shield(closed.context);
    await closed.context.close();
    jest.advanceTimersByTime(1_000);
    for (const test of [plain, frozen, closed]) expect(warnings(test)).toEqual([]);
  });

  it.each([
    ['NODE_ENV', 'test'],
    ['JEST_WORKER_ID', '1'],
    ['VITEST', 'true'],
    ['NODE_TEST_CONTEXT', 'child-v8'],
  ])('is not warned of in a test, as %s=%s tells', async (mark, value) => {
    process.env[mark] = value;
    await using test = await start();
    delete process.env[mark];
    await shield(test.context);
    jest.advanceTimersByTime(1_000);
    expect(warnings(test)).toEqual([]);
  });
});
