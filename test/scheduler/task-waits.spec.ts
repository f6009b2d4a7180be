import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TaskWaitError, type Task } from 'nestjs-tasks';
import { TaskFactory } from '../../lib/scheduler/task-factory.js';
import { TaskRunner } from '../../lib/scheduler/task-runner.js';
import { ConfigLayer } from '../../lib/task/config-layer.js';
import { Gate } from '../support/app.js';
import { startContext, type TestContext } from '../support/context.js';

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate', 'performance'] });
});
afterEach(() => {
  jest.useRealTimers();
});

const aSecond = (): Promise<void> => jest.advanceTimersByTimeAsync(1_000);
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a task that awaits another one of its full pool', () => {
  it('is told after a second, and goes on; the other one then runs', async () => {
    await using test = await startContext({ concurrency: 1 });
    const order: string[] = [];
    const outer = test.scheduler.schedule(async function outerTask() {
      const inner = test.scheduler.schedule(function innerTask() {
        order.push('inner runs');
      });
      const error = await failure(inner.result());
      order.push('outer was told');
      return [inner, error] as const;
    });
    await jest.advanceTimersByTimeAsync(999);
    expect(order).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    const [inner, error] = await outer.result();
    await expect(inner.done).resolves.toMatchObject({ status: 'succeeded' });
    const message = `Task innerTask#${inner.id} is stuck in pool 'default', whose running tasks all await tasks of its queue: outerTask#${outer.id}. Give it a pool of its own, raise the concurrency, or do not await it. See docs/back-pressure.md#tasks-that-wait-for-tasks.`;
    expect(error).toBeInstanceOf(TaskWaitError);
    expect(error).toMatchObject({ code: 'TASK_WAIT', message });
    expect(order).toEqual(['outer was told', 'inner runs']);
    expect(test.logs.lines).toEqual([`warn ${message} Tasks`]);
  });

  it.each([
    ['started', (task: Task) => task.started],
    ['result()', (task: Task) => task.result()],
  ])('fails by %s when nothing catches that, and makes place', async (_what, ask) => {
    await using test = await startContext({ pools: { mail: { concurrency: 2 } } });
    const mail = test.scheduler.task({ pool: 'mail' });
    const inner: Task[] = [];
    const outer = [1, 2].map(() =>
      mail.schedule(async () => {
        const task = mail.schedule(() => 'sent');
        inner.push(task);
        return ask(task);
      }),
    );
    await aSecond();
    const outcomes = await Promise.all(outer.map(({ done }) => done));
    // The first has made place for those that both have waited for.
    expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'succeeded']);
    expect(outcomes[0]).toMatchObject({ error: { code: 'TASK_WAIT' } });
    await Promise.all(inner.map(({ done }) => done));
    expect(inner.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
    expect(test.logs.matching("is stuck in pool 'mail'").filter((line) => line.startsWith('warn'))).toHaveLength(1);
  });

  it('is warned of in one line when all wait by done, which never rejects', async () => {
    const test = await startContext({ concurrency: 7 });
    for (let count = 0; count < 7; count += 1) {
      test.scheduler.schedule(async function outer() {
        await test.scheduler.schedule(function inner() {}).done;
      });
    }
    await aSecond();
    await aSecond();
    expect(test.logs.lines).toEqual([expect.stringMatching(/^warn Task inner#.* queue: (outer#\d+, ){4}outer#\d+ and 2 more\. Give/)]); // prettier-ignore
    await closeAtOnce(test);
  });

  it('is no cycle while another task of the pool goes on, and one when that waits too', async () => {
    await using test = await startContext({ concurrency: 2 });
    const gate = new Gate();
    const waiter = async (): Promise<unknown> => failure(test.scheduler.schedule(() => {}).result());
    const first = test.scheduler.schedule(waiter);
    const busy = test.scheduler.schedule(async () => {
      await gate.passed;
      return waiter();
    });
    await aSecond();
    await aSecond();
    expect([first.status, test.logs.lines]).toEqual(['running', []]);
    gate.pass();
    await aSecond();
    const errors = await Promise.all([first.result(), busy.result()]);
    expect(errors.filter((error) => error instanceof TaskWaitError)).toHaveLength(1);
    expect(errors.filter((error) => error === undefined)).toHaveLength(1);
  });

  it('is none where the other one is in another pool, has its turn, or is awaited from outside', async () => {
    await using test = await startContext({ concurrency: 1, pools: { mail: { concurrency: 1 } } });
    const { scheduler } = test;
    const gate = new Gate();
    const elsewhere = scheduler.schedule(async () => {
      const inner = scheduler.task({ pool: 'mail' }).schedule(() => gate.passed);
      const queued = scheduler.task({ pool: 'mail' }).schedule(() => 'mail');
      await inner.result();
      return queued.result();
    });
    const outside = scheduler.schedule(() => 'outside').result();
    for (let seconds = 0; seconds < 5; seconds += 1) await aSecond();
    gate.pass();
    await expect(Promise.all([elsewhere.result(), outside])).resolves.toEqual(['mail', 'outside']);
    await using two = await startContext({ concurrency: 2 });
    await expect(two.scheduler.schedule(() => two.scheduler.schedule(() => 'turn').result()).result()).resolves.toBe(
      'turn',
    );
    expect([...test.logs.lines, ...two.logs.lines]).toEqual([]);
  });

  it('is none without a limit, and costs no timer there, nor where nobody asks', async () => {
    await using test = await startContext({ pools: { mail: { concurrency: 1 } } });
    const { scheduler } = test;
    await scheduler.schedule(() => scheduler.schedule(() => {}).result()).result();
    const task = scheduler.task({ pool: 'mail' }).schedule(async () => {
      scheduler.task({ pool: 'mail' }).schedule(() => {});
    });
    await task.done;
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a handler that awaits a task of its own batch', () => {
  /** A task that the batch of an open call holds; `origin` stands for the call. */
  function hold(test: TestContext) {
    const origin = { isEnded: false, contextId: undefined, isCallerOpen: true };
    const layer = new ConfigLayer({ name: 'audit' });
    const place = { timing: 'afterRoute', layer, origin, kind: 'user' } as const;
    const task = test.context.get(TaskFactory).create(place, undefined, () => 'audited', []);
    return { origin, task, start: () => test.context.get(TaskRunner).start(task) };
  }

  it('is told after a second, and the task runs when its moment has come', async () => {
    await using test = await startContext();
    const { task, start } = hold(test);
    const waits = [failure(task.result()), failure(task.started)];
    const { done } = task;
    await aSecond();
    const message = `Task audit#${task.id} is held until its handler has ended, and the handler awaits it. Do not await it in the handler, or start it at once with tasks.schedule().`;
    for (const error of await Promise.all(waits)) {
      expect(error).toBeInstanceOf(TaskWaitError);
      expect(error).toMatchObject({ code: 'TASK_WAIT', message });
    }
    await aSecond();
    expect(test.logs.lines).toEqual([`warn ${message} Tasks`]);
    start();
    await expect(done).resolves.toEqual({ status: 'succeeded', value: 'audited' });
    await expect(task.result()).resolves.toBe('audited');
  });

  it('is not told when the call ends within the second, or the task has started or was cancelled', async () => {
    await using test = await startContext();
    const [ended, started, cancelled] = [hold(test), hold(test), hold(test)];
    const waits = [ended, started, cancelled].map(({ task }) => failure(task.result()));
    ended.origin.isCallerOpen = false;
    started.start();
    cancelled.task.cancel();
    await aSecond();
    await aSecond();
    ended.start();
    await expect(Promise.all(waits)).resolves.toEqual([
      undefined,
      undefined,
      expect.objectContaining({ code: 'TASK_CANCELLED' }),
    ]);
    expect(test.logs.matching('warn')).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is none when another task of the handler waits, for which the handler does not', async () => {
    await using test = await startContext();
    const { task, start, origin } = hold(test);
    const place = { timing: 'immediate', layer: new ConfigLayer({}), origin, kind: 'user' } as const;
    const sibling = test.context.get(TaskFactory).create(place, undefined, () => task.result(), []);
    test.context.get(TaskRunner).start(sibling);
    await aSecond();
    await aSecond();
    expect([sibling.status, test.logs.lines]).toEqual(['running', []]);
    start();
    await expect(sibling.result()).resolves.toBe('audited');
  });
});

/** Cancels what hangs. */
async function closeAtOnce(test: TestContext): Promise<void> {
  for (const task of test.scheduler.running) task.cancel();
  jest.useRealTimers();
  await test.context.close();
}
