import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { currentTask, TaskDiscardedError, type Task, type TaskEvent } from 'nestjs-tasks';
import { TasksShutdown } from '../../lib/scheduler/tasks-shutdown.js';
import { Gate } from '../support/app.js';
import { startContext } from '../support/context.js';

const untilAborted = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    const { signal } = currentTask();
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

describe('shutdown', () => {
  it('cancels unshielded tasks and waits for shielded ones, by name', async () => {
    const test = await startContext();
    const gate = new Gate();
    const mail = test.scheduler.task({ name: 'mail' }).schedule(untilAborted);
    const payment = test.scheduler.task({ name: 'payment', shield: true }).schedule(() => gate.passed);
    await payment.started;

    const closed = test.context.close();
    await expect(mail.done).resolves.toMatchObject({
      status: 'cancelled',
      error: { code: 'TASK_CANCELLED', reason: 'shutdown' },
    });
    expect([payment.status, payment.signal.aborted]).toEqual(['running', false]);
    gate.pass();
    await closed;
    expect(payment.status).toBe('succeeded');
    expect(test.logs.lines).toEqual([
      expect.stringMatching(new RegExp(`^log Shutdown cancels 1 task: mail#${mail.id} \\(\\d\\.\\d s\\) Tasks$`)),
      expect.stringMatching(
        new RegExp(`^log Shutdown waits for 1 shielded task: payment#${payment.id} \\(\\d\\.\\d s\\) Tasks$`),
      ),
      `debug Task mail#${mail.id} was cancelled Tasks`,
      `log Shutdown has waited for payment#${payment.id} (succeeded) Tasks`,
    ]);
  });

  it('cancels with an error that names the task, and has no stack to pay for', async () => {
    const test = await startContext();
    const { stackTraceLimit } = Error;
    const [byShutdown, byHand] = [test.scheduler.schedule(untilAborted), test.scheduler.schedule(untilAborted)];
    await Promise.all([byShutdown.started, byHand.started]);
    byHand.cancel('enough');
    await test.context.close();
    expect(byShutdown.signal.reason).toMatchObject({
      message: `Task ${byShutdown.label} was cancelled: 'shutdown'.`,
      stack: expect.not.stringContaining('\n'),
    });
    expect(byHand.signal.reason).toMatchObject({ stack: expect.stringContaining('shutdown.spec') });
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  });

  it('names a hundred tasks in a line, and counts the rest; at debug each has a line', async () => {
    const test = await startContext();
    const tasks = Array.from({ length: 102 }, () => test.scheduler.task({ name: 'mail' }).schedule(untilAborted));
    await tasks[101]!.started;
    await test.context.close();
    const [line] = test.logs.matching('Shutdown cancels');
    expect(line).toContain('102 tasks: ');
    expect(line!.split(/mail#/)).toHaveLength(101);
    expect(line).toMatch(/ s\), 2 more Tasks$/);
    expect(test.logs.matching('was cancelled')).toHaveLength(102);
  });

  it('says nothing when there is nothing to do', async () => {
    const test = await startContext();
    await test.context.close();
    expect(test.logs.lines).toEqual([]);
  });

  it('cancels what waits for a slot when unshielded, and runs it when shielded', async () => {
    const test = await startContext({ concurrency: 1 });
    const gate = new Gate();
    const first = test.scheduler.task({ shield: true }).schedule(() => gate.passed);
    const unshielded = test.scheduler.schedule(() => 'never');
    const shielded = test.scheduler.task({ shield: true }).schedule(() => 'late');
    await first.started;
    const closed = test.context.close();
    await expect(unshielded.done).resolves.toMatchObject({ status: 'cancelled' });
    await expect(unshielded.started).rejects.toThrow(TaskDiscardedError);
    gate.pass();
    await closed;
    await expect(shielded.result()).resolves.toBe('late');
    expect(test.logs.matching('Shutdown cancels')).toEqual([expect.stringContaining('(waiting)')]);
  });

  it('waits for the onError and the retries of a shielded task', async () => {
    const test = await startContext();
    const [failed, mayRetry] = [new Gate(), new Gate()];
    let calls = 0;
    const task = test.scheduler
      .task({
        name: 'payment',
        shield: true,
        onError: async (self) => {
          failed.pass();
          await mayRetry.passed;
          expect(self.signal.aborted).toBe(false);
          await self.retry();
        },
      })
      .schedule(() => {
        if (++calls === 1) throw new Error('bad');
      });
    await failed.passed;
    const closed = test.context.close();
    await new Promise(setImmediate); // enough for hooks that do not wait
    mayRetry.pass();
    await closed;
    expect(calls).toBe(2);
    expect(test.logs.lines.at(-1)).toBe(
      `log Shutdown has waited for payment#${task.id} (failed, attempt 2 succeeded) Tasks`,
    );
  });

  it('stops the onError of an unshielded task', async () => {
    const test = await startContext();
    const failed = new Gate();
    const task = test.scheduler
      .task({
        onError: async (self) => {
          failed.pass();
          await sleep(60_000, undefined, { signal: self.signal });
        },
      })
      .schedule(() => Promise.reject(new Error('bad')));
    await failed.passed;
    await test.context.close();
    await expect(task.done).resolves.toEqual({ status: 'failed', error: new Error('bad') });
  });

  it('runs what is scheduled while it waits, and discards what comes after its end with a warning', async () => {
    const test = await startContext();
    const order: string[] = [];
    const gate = new Gate();
    const child = (): void => void order.push('child');
    const shieldedChild = async (): Promise<void> => {
      await sleep(1);
      order.push('shielded child');
    };
    test.scheduler.task({ shield: true }).schedule(async () => {
      await gate.passed;
      test.scheduler.schedule(child);
      test.scheduler.task({ shield: true }).schedule(shieldedChild);
    });
    await null;
    const closed = test.context.close();
    gate.pass();
    await closed;
    expect(order).toEqual(['child', 'shielded child']);

    const late = test.scheduler.task({ name: 'late', shield: true }).schedule(child);
    expect(late.status).toBe('discarded');
    await expect(late.done).resolves.toMatchObject({
      error: { code: 'TASK_DISCARDED', reason: 'the application has shut down' },
    });
    expect(test.logs.lines.at(-1)).toBe(`warn Task late#${late.id} was discarded: the application has shut down Tasks`);
    await expect(late.retry()).rejects.toThrow(TaskDiscardedError);
    expect(order).toHaveLength(2);
  });

  it('ends although an unshielded task always schedules its next', async () => {
    const test = await startContext({ shutdown: { gracePeriod: 50 } });
    const poll = async (): Promise<void> => {
      try {
        await sleep(60_000, undefined, { signal: currentTask().signal });
      } finally {
        test.scheduler.schedule(poll);
      }
    };
    const task = test.scheduler.schedule(poll);
    await task.started;
    await test.context.close();
    expect(task.status).toBe('cancelled');
    expect(test.logs.matching('warn')).toEqual([
      expect.stringMatching(/^warn Task poll#\d+ was discarded: the application has shut down Tasks$/),
    ]);
    await expect(test.scheduler.idle()).resolves.toBeUndefined();
  });

  it('ends at its timeout although a shielded task always schedules its next', async () => {
    const test = await startContext({ shutdown: { timeout: 20 } });
    let isStopped = false;
    const poll = async (): Promise<void> => {
      await sleep(1);
      if (!isStopped) test.scheduler.task({ shield: true }).schedule(poll);
    };
    const task = test.scheduler.task({ shield: true }).schedule(poll);
    await task.started;
    await test.context.close();
    isStopped = true;
    await test.scheduler.idle();
    expect(task.status).toBe('succeeded');
  });

  it('cancels what was scheduled while it waited, also when its time is over', async () => {
    const test = await startContext({ shutdown: { timeout: 0 } });
    const shutdown = test.context.get(TasksShutdown);
    await shutdown.onModuleDestroy();
    const stuck = test.scheduler.task({ shield: true }).schedule(() => new Promise(() => {}));
    await stuck.started;
    const ended = shutdown.onApplicationShutdown();
    const late = test.scheduler.schedule(untilAborted);
    await ended;
    expect([stuck.status, late.status]).toEqual(['running', 'cancelled']);
    await test.context.close();
  });

  it('waits in its final phase for what shielded tasks scheduled there', async () => {
    const test = await startContext();
    const shutdown = test.context.get(TasksShutdown);
    const order: string[] = [];
    const gate = new Gate();
    const final = async (): Promise<void> => {
      await gate.passed;
      test.scheduler.task({ shield: true }).schedule(async () => {
        await sleep(1);
        order.push('grandchild');
      });
    };
    await shutdown.onModuleDestroy();
    test.scheduler.task({ shield: true }).schedule(final);
    await null;
    const ended = shutdown.onApplicationShutdown();
    gate.pass();
    await ended;
    expect(order).toEqual(['grandchild']);
    await test.context.close();
  });

  it('shares one drain when it is asked twice, as Nest 11 does when a signal comes during close()', async () => {
    const test = await startContext();
    const shutdown = test.context.get(TasksShutdown);
    const gate = new Gate();
    const task = test.scheduler.task({ shield: true }).schedule(() => gate.passed);
    await task.started;
    const drains = Promise.all([shutdown.onModuleDestroy(), shutdown.onModuleDestroy(), test.context.close()]);
    gate.pass();
    await drains;
    await Promise.all([shutdown.onApplicationShutdown(), test.context.close()]);
    expect(test.logs.matching('Shutdown waits for')).toHaveLength(1);
  });

  it('keeps events$ open until it has cancelled and waited, then completes it', async () => {
    const test = await startContext();
    const events: string[] = [];
    test.scheduler.events$.subscribe({
      next: ({ type, task, reason }: TaskEvent) => events.push(`${task.name} ${type}: ${reason}`),
      complete: () => events.push('complete'),
    });
    const gate = new Gate();
    const payment = test.scheduler.task({ name: 'payment', shield: true }).schedule(() => gate.passed);
    test.scheduler.task({ name: 'mail' }).schedule(untilAborted);
    await payment.started;
    events.length = 0;
    const closed = test.context.close();
    gate.pass();
    await closed;
    expect(events.toSorted()).toEqual(['complete', 'mail cancelled: shutdown', 'payment succeeded: returned']);
    expect(events.at(-1)).toBe('complete');
  });
});

describe('a task that closes the application', () => {
  it.each([
    ['shielded', true],
    ['unshielded', false],
  ])('is left out of what that waits for, and is not cancelled, when it is %s', async (_kind, shield) => {
    const test = await startContext({ shutdown: { gracePeriod: '1h' } });
    const gate = new Gate();
    const payment = test.scheduler.task({ name: 'payment', shield: true }).schedule(() => gate.passed);
    const mail = test.scheduler.task({ name: 'mail' }).schedule(untilAborted);
    const exit = test.scheduler.task({ name: 'exit', shield }).schedule(async () => {
      await test.context.close();
      return [payment.status, mail.status, currentTask().signal.aborted];
    });
    void mail.done.then(gate.pass);
    await expect(exit.result()).resolves.toEqual(['succeeded', 'cancelled', false]);
    expect(test.logs.matching(`exit#${exit.id}`)).toEqual([
      `log Shutdown does not wait for task exit#${exit.id}, which called app.close() Tasks`,
    ]);
    expect(test.logs.matching('Shutdown cancels 1 task: mail#')).toHaveLength(1);
    expect(test.logs.matching(`Shutdown has waited for payment#${payment.id} (succeeded)`)).toHaveLength(1);
  });

  it('may do so in its onError, and more than one may', async () => {
    const test = await startContext();
    const shutdown = test.context.get(TasksShutdown);
    const gate = new Gate();
    const fatal = test.scheduler
      .task({ name: 'fatal', shield: true, onError: () => test.context.close() })
      .schedule(() => Promise.reject(new Error('out of order')));
    // As Nest 11 calls it for a second close().
    const second = test.scheduler.task({ name: 'second', shield: true }).schedule(async () => {
      await gate.passed;
      await shutdown.onModuleDestroy();
      await shutdown.onApplicationShutdown();
    });
    await fatal.started;
    await new Promise(setImmediate);
    expect(test.logs.matching(`Shutdown waits for 1 shielded task: second#${second.id}`)).toHaveLength(1);
    gate.pass();
    await second.result();
    await expect(fatal.done).resolves.toMatchObject({ status: 'failed' });
    expect(test.logs.matching('which called app.close()').map((line) => /task (\w+)#/.exec(line)?.[1])).toEqual([
      'fatal',
      'second',
    ]);
    expect(test.logs.matching('Shutdown has waited')).toEqual([]);
  });

  it('is waited for as any other by another application, and when it has ended', async () => {
    const [one, other] = [await startContext(), await startContext()];
    await one.scheduler.task({ shield: true }).schedule(() => other.context.close()).result(); // prettier-ignore
    const gate = new Gate();
    let closed: Promise<void> | undefined;
    await one.scheduler.schedule(() => void gate.passed.then(() => (closed = one.context.close()))).done;
    gate.pass();
    await gate.passed;
    await closed;
    expect([...one.logs.matching('asked for it'), ...other.logs.matching('asked for it')]).toEqual([]);
  });
});

describe('shutdown in time', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] }));
  afterEach(() => void jest.useRealTimers());

  const forever = (): Promise<never> => new Promise(() => {});

  it('gives cancelled tasks the grace period, then names and abandons them', async () => {
    const test = await startContext({ shutdown: { gracePeriod: '2s' } });
    const slow = test.scheduler.task({ name: 'slow' }).schedule(async () => {
      await untilAborted().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 1_999)); // the faked timer, which promises have not
      return 'unwound';
    });
    const stuck = test.scheduler.task({ name: 'stuck' }).schedule(forever);
    const thenable = test.scheduler.task({ name: 'thenable' }).schedule(() => ({ then: (): void => {} }));
    const handling = test.scheduler
      .task({ name: 'handling', onError: forever })
      .schedule(() => Promise.reject(new Error('bad')));
    const retrying: Task = test.scheduler
      .task({ name: 'retrying' })
      .schedule(() => (retrying.attempt === 1 ? 1 : forever()));
    await retrying.done;
    const retry = retrying.retry();
    await stuck.started;
    const closed = test.context.close();
    await jest.advanceTimersByTimeAsync(2_000);
    await closed;
    expect([slow.status, stuck.status, handling.status, retrying.status]).toEqual([
      'succeeded',
      'cancelled',
      'failed',
      'succeeded',
    ]);
    await expect(stuck.done).resolves.toMatchObject({ status: 'cancelled' });
    await expect(handling.done).resolves.toMatchObject({ status: 'failed' });
    await expect(retry).rejects.toMatchObject({ code: 'TASK_CANCELLED' });
    const [warning] = test.logs.matching('abandons');
    expect(warning).toMatch(
      /^warn Shutdown abandons 4 tasks: .*, which did not stop within the grace period of 2000 ms Tasks$/,
    );
    for (const { label } of [stuck, thenable, handling, retrying]) expect(warning).toContain(label);
    expect(test.scheduler.counts).toMatchObject({ abandoned: 4, cancelled: 2 });
    await expect(test.scheduler.idle()).resolves.toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('names the shielded tasks that it waits for every 10 s, with their ages, and has no limit by default', async () => {
    const test = await startContext();
    const gate = new Gate();
    const task = test.scheduler.task({ name: 'payment', shield: true }).schedule(() => gate.passed);
    await task.started;
    const closed = test.context.close();
    await jest.advanceTimersByTimeAsync(3_600_000);
    const lines = test.logs.matching('still waits');
    expect(lines).toHaveLength(360);
    expect(lines[0]).toBe(`log Shutdown still waits for 1 shielded task: payment#${task.id} (10.0 s) Tasks`);
    expect(lines[359]).toContain(`payment#${task.id} (3600.0 s)`);
    gate.pass();
    await closed;
    expect(task.status).toBe('succeeded');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves shielded tasks behind after shutdown.timeout, named once more, over both phases', async () => {
    const test = await startContext({ shutdown: { timeout: '25s' } });
    const shutdown = test.context.get(TasksShutdown);
    const gate = new Gate();
    const first = test.scheduler.task({ name: 'first', shield: true }).schedule(() => gate.passed);
    await first.started;

    const closing = shutdown.onModuleDestroy();
    await jest.advanceTimersByTimeAsync(20_000);
    gate.pass();
    await closing;

    const second = test.scheduler.task({ name: 'second', shield: true }).schedule(forever);
    await second.started;
    let isOver = false;
    const final = shutdown.onApplicationShutdown().then(() => (isOver = true));
    await jest.advanceTimersByTimeAsync(4_999);
    expect(isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await final;
    expect(test.logs.matching('behind')).toEqual([
      `warn Shutdown leaves 1 shielded task: second#${second.id} (5.0 s) behind: shutdown.timeout of 25000 ms is over Tasks`,
    ]);
    expect([second.status, second.signal.aborted]).toEqual(['running', false]);
    await test.context.close();
    expect(test.logs.matching('behind')).toHaveLength(1);
  });

  it('does not name twice what it left in its first phase', async () => {
    const test = await startContext({ shutdown: { timeout: 100 } });
    const task = test.scheduler.task({ name: 'stuck', shield: true }).schedule(forever);
    await task.started;
    const closed = test.context.close();
    await jest.advanceTimersByTimeAsync(100);
    await closed;
    expect(test.logs.matching('behind')).toHaveLength(1);
    expect(test.logs.matching('Shutdown waits')).toHaveLength(1);
  });
});
