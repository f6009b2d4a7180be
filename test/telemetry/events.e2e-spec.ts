import diagnosticsChannel from 'node:diagnostics_channel';
import { Controller, Get, Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  currentTask,
  Durable,
  TASK_CHANNEL,
  TaskQueue,
  Tasks,
  type Task,
  type TaskEvent,
  type TaskScheduler,
  type TasksModuleOptions,
  type TasksService,
} from 'nestjs-tasks';
import { ADAPTERS, Gate, send, startApp } from '../support/app.js';
import { startContext, type TestContext } from '../support/context.js';

const OPTIONS: TasksModuleOptions = {
  concurrency: 2,
  pools: {
    rejecting: { concurrency: 1, maxQueue: 0 },
    discarding: { concurrency: 1, maxQueue: 0, overflow: 'discard' },
  },
  shutdown: { gracePeriod: 20 },
};

/** Each event in a line: what, the status after it, why. */
function inLines(events: readonly TaskEvent[], name?: string): string[] {
  for (const { reason, at } of events) {
    expect(reason).not.toBe('');
    expect(Math.abs(Date.now() - at)).toBeLessThan(60_000);
  }
  return events
    .filter(({ task }) => name === undefined || task.functionName === name)
    .map(({ type, status, reason }) => (type === status ? `${type}: ${reason}` : `${type}, ${status}: ${reason}`));
}

const bad = (): never => {
  throw new Error('bad');
};

const untilAborted = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    const { signal } = currentTask();
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

const hang = (): Promise<never> => new Promise(() => {});

describe('the events of a task', () => {
  /** From the channel: events$ has them too, until shutdown. */
  let events: TaskEvent[];
  let test: TestContext;
  let scheduler: TaskScheduler;
  const record = (event: unknown): void => void events.push(event as TaskEvent);

  beforeEach(async () => {
    events = [];
    test = await startContext(OPTIONS);
    scheduler = test.scheduler;
    diagnosticsChannel.subscribe(TASK_CHANNEL, record);
  });
  afterEach(async () => {
    await test.context.close();
    diagnosticsChannel.unsubscribe(TASK_CHANNEL, record);
  });

  const BEGUN = ['scheduled: immediate', 'started, running: attempt 1'];

  it('that succeeds', async () => {
    scheduler.schedule(() => {});
    await scheduler.idle();
    expect(inLines(events)).toEqual([...BEGUN, 'succeeded: returned']);
  });

  it('that fails, and is retried in its onError and after it', async () => {
    let calls = 0;
    const work = (): void => {
      calls += 1;
      if (calls % 3 !== 0) throw new Error(`bad ${calls}`);
    };
    const onError = async (task: Task): Promise<void> => {
      await task.retry().catch(() => task.retry());
    };
    const task = scheduler.task({ onError }).schedule(work);
    await task.done;
    await task.retry().catch(() => {});
    expect(inLines(events)).toEqual([
      ...BEGUN,
      'failed: threw',
      'retried, failed: attempt 2',
      'retryFailed, failed: attempt 2',
      'retried, failed: attempt 3',
      'retrySucceeded, failed: attempt 3',
      'retried, failed: attempt 4',
      'retryFailed, failed: attempt 4',
    ]);
    expect(events.map(({ error }) => (error as Error | undefined)?.message).filter(Boolean)).toEqual([
      'bad 1',
      'bad 2',
      'bad 4',
    ]);
  });

  it('that runs out of time, and ends late', async () => {
    const late = new Gate();
    const task = scheduler.task({ timeout: 5 }).schedule(() => late.passed);
    await task.done;
    late.pass();
    await late.passed;
    expect(inLines(events)).toEqual([...BEGUN, 'failed: timeout']);
  });

  it('that is cancelled before its start', () => {
    scheduler.schedule(() => {}).cancel('not needed');
    expect(inLines(events)).toEqual(['scheduled: immediate', 'cancelled: not needed']);
  });

  it('that is cancelled while it runs', async () => {
    const task = scheduler.schedule(untilAborted);
    await task.started;
    task.cancel();
    await task.done;
    expect(inLines(events)).toEqual([...BEGUN, 'cancelled: cancelled']);
  });

  it('that is cancelled while it runs, and succeeds all the same', async () => {
    const task = scheduler.schedule(() => untilAborted().catch(() => {}));
    await task.started;
    task.cancel();
    await task.done;
    expect(inLines(events)).toEqual([...BEGUN, 'succeeded: returned']);
  });

  it('whose retry is cancelled while it waits for a slot', async () => {
    const task = scheduler.schedule(bad);
    await task.done;
    const gate = new Gate();
    for (let count = 0; count < 2; count++) await scheduler.schedule(() => gate.passed).started;
    const retry = task.retry();
    task.cancel('enough');
    await expect(retry).rejects.toThrow('enough');
    gate.pass();
    expect(inLines(events, 'bad')).toEqual([...BEGUN, 'failed: threw', 'retryFailed, failed: attempt 2']);
  });

  it.each(['rejecting', 'discarding'])('that finds its pool full, %s', async (pool) => {
    const gate = new Gate();
    const full = scheduler.task({ pool });
    await full.schedule(() => gate.passed).started;
    const refused = (): void => {};
    const schedule = (): Task => full.schedule(refused);
    if (pool === 'rejecting') expect(schedule).toThrow('is full');
    else schedule();
    gate.pass();
    expect(inLines(events, 'refused')).toEqual([
      'scheduled: immediate',
      `discarded: pool '${pool}' is full (1 running, 0 waiting)`,
    ]);
  });

  it('that shutdown cancels, waits for, or abandons; of what comes later the channel alone tells', async () => {
    const onEvents$: TaskEvent[] = [];
    let isComplete = false;
    scheduler.events$.subscribe({ next: (event) => onEvents$.push(event), complete: () => (isComplete = true) });
    await scheduler.schedule(untilAborted).started;
    await scheduler.schedule(hang).started;
    scheduler.schedule(function waits() {});
    await test.context.close();
    scheduler.schedule(function late() {});
    expect(inLines(events, 'untilAborted')).toEqual([...BEGUN, 'cancelled: shutdown']);
    expect(inLines(events, 'hang')).toEqual([
      ...BEGUN,
      'cancelled: shutdown',
      'abandoned, cancelled: did not stop in time',
    ]);
    expect(inLines(events, 'waits')).toEqual(['scheduled: immediate', 'cancelled: shutdown']);
    expect(inLines(events, 'late')).toEqual(['scheduled: immediate', 'discarded: the application has shut down']);
    expect(isComplete).toBe(true);
    expect(inLines(onEvents$)).toEqual(inLines(events.filter(({ task }) => task.functionName !== 'late')));
  });

  it('whose onError, and whose retry, shutdown abandons', async () => {
    const handled = scheduler.task({ onError: hang }).schedule(bad);
    let isFirst = true;
    const retried = scheduler.schedule(function second() {
      if (!isFirst) return hang();
      isFirst = false;
      return undefined;
    });
    await Promise.all([handled.started, retried.done]);
    retried.retry().catch(() => {});
    await null;
    await test.context.close();
    expect(inLines(events, 'bad')).toEqual([...BEGUN, 'failed: threw', 'abandoned, failed: did not stop in time']);
    expect(inLines(events, 'second')).toEqual([
      ...BEGUN,
      'succeeded: returned',
      'retried, succeeded: attempt 2',
      'retryFailed, succeeded: attempt 2',
      'abandoned, succeeded: did not stop in time',
    ]);
  });

  it('that is a run of a durable execution', async () => {
    let calls = 0;
    @Injectable()
    class OrderTasks {
      @Durable('orders.process', { retry: { attempts: 2, delay: 1 } })
      async process(): Promise<void> {
        calls += 1;
        if (calls === 1) throw new Error('bad');
      }
    }
    await using shop = await startContext({}, { providers: [OrderTasks] });
    await (await shop.context.get(TaskQueue).add(shop.context.get(OrderTasks).process)()).result();
    expect(inLines(events)).toEqual([
      ...BEGUN,
      'failed: threw',
      'scheduled: immediate',
      'started, running: attempt 2',
      'succeeded: returned',
    ]);
  });

  it('are those that the counts have counted', async () => {
    await scheduler.schedule(() => {}).done;
    await scheduler.schedule(bad).done;
    scheduler.schedule(() => {}).cancel();
    const counted = Object.entries(scheduler.counts).filter(([, count]) => count > 0);
    const types = events.map(({ type }) => type);
    expect(Object.fromEntries(counted)).toEqual(
      Object.fromEntries(types.map((type) => [type, types.filter((other) => other === type).length])),
    );
  });
});

@Controller()
class OrdersController {
  @Get('ordered')
  order(@Tasks() tasks: TasksService): string {
    tasks.afterRoute.schedule(function afterRoute() {});
    tasks.afterResponse.schedule(function afterResponse() {});
    tasks.afterResponse.task({ runOn: 'error' }).schedule(function compensation() {});
    tasks.afterResponse.schedule(function unwanted() {}).cancel('not needed');
    return 'ordered';
  }

  @Get('failing')
  fail(@Tasks() tasks: TasksService): never {
    tasks.afterRoute.schedule(function afterRoute() {});
    tasks.afterResponse.task({ runOn: 'error' }).schedule(function compensation() {});
    throw new Error('the handler has failed');
  }
}

describe.each(ADAPTERS)('the events of batches on %s', (_name, adapter) => {
  it('tell their timing, and why a task was discarded', async () => {
    await using shop = await startApp({ controllers: [OrdersController] }, {}, adapter);
    const events: TaskEvent[] = [];
    shop.scheduler.events$.subscribe((event) => events.push(event));
    await send(`${shop.url}/ordered`);
    await shop.scheduler.idle();
    expect(inLines(events, 'afterRoute')).toEqual([
      'scheduled: afterRoute',
      'started, running: attempt 1',
      'succeeded: returned',
    ]);
    expect(inLines(events, 'afterResponse')).toEqual([
      'scheduled: afterResponse',
      'started, running: attempt 1',
      'succeeded: returned',
    ]);
    expect(inLines(events, 'compensation')).toEqual(['scheduled: afterResponse', 'discarded: route succeeded']);
    expect(inLines(events, 'unwanted')).toEqual(['scheduled: afterResponse', 'cancelled: not needed']);
    events.length = 0;
    await send(`${shop.url}/failing`);
    await shop.scheduler.idle();
    expect(inLines(events, 'afterRoute')).toEqual(['scheduled: afterRoute', 'discarded: route failed']);
    expect(inLines(events, 'compensation').at(-1)).toBe('succeeded: returned');
  });
});
