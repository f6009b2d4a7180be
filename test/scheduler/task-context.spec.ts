import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { currentTask, Durable, TaskContext, TaskQueue, TaskRunDecorator, type Task } from 'nestjs-tasks';
import { startContext, type TestContext } from '../support/context.js';

const storage = new AsyncLocalStorage<string>();

/** What is seen at one place. */
interface Sight {
  readonly where: string;
  readonly task: Task | undefined;
  readonly signal: AbortSignal | undefined;
  readonly store: string | undefined;
}

const seen: Sight[] = [];

function look(where: string): void {
  const context = new TaskContext();
  const { isActive } = context;
  if (isActive) context.logger.debug(where); // threw, and ended the process, where no task was
  seen.push({
    where,
    task: isActive ? context.task : undefined,
    signal: isActive ? context.signal : undefined,
    store: storage.getStore(),
  });
}

/** Looks around when its signal is aborted, and stops then. */
function untilAborted(where: string): Promise<never> {
  const { signal } = currentTask();
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      look(where);
      reject(signal.reason as Error);
    });
  });
}

/** As the caller's context is no longer there when a timer, a shutdown or another request ends the task. */
const elsewhere = <R>(func: () => R): R => storage.run('elsewhere', func);

beforeEach(() => {
  seen.length = 0;
});

describe('a task of this process', () => {
  let test: TestContext;

  beforeEach(async () => {
    test = await startContext();
  });
  afterEach(() => test.context.close());

  const schedule: TestContext['scheduler']['schedule'] = (...args) =>
    storage.run('caller', () => test.scheduler.schedule(...args));

  it('hears in its own context that it is cancelled', async () => {
    const task = schedule(() => untilAborted('listener'));
    await task.started;
    const { signal } = task;
    elsewhere(() => task.cancel('enough'));
    expect(seen).toEqual([{ where: 'listener', task, signal, store: 'caller' }]);
    expect(await task.done).toMatchObject({ status: 'cancelled' });
  });

  it('hears so when it is cancelled from within another task, or by itself', async () => {
    const task = schedule(() => untilAborted('listener'));
    await task.started;
    const { signal } = task;
    const other = elsewhere(() =>
      test.scheduler.schedule(() => {
        task.cancel();
        look('other');
      }),
    );
    await other.done;
    const own = schedule(async () => {
      const self = currentTask();
      self.signal.addEventListener('abort', () => look('own listener'));
      self.cancel();
      look('own');
    });
    await own.done;
    expect(seen).toEqual([
      { where: 'listener', task, signal, store: 'caller' },
      { where: 'other', task: other, signal: other.signal, store: 'elsewhere' },
      { where: 'own listener', task: own, signal: own.signal, store: 'caller' },
      { where: 'own', task: own, signal: own.signal, store: 'caller' },
    ]);
  });

  it('hears in its own context that its time is over, and so does what listens to a signal of both', async () => {
    const signals: AbortSignal[] = [];
    const task = storage.run('caller', () =>
      test.scheduler.task({ timeout: 20, onError: () => look('onError') }).schedule(() => {
        signals.push(currentTask().signal);
        const both = AbortSignal.any([currentTask().signal, new AbortController().signal]);
        both.addEventListener('abort', () => look('both'));
        return untilAborted('listener');
      }),
    );
    expect(await task.done).toMatchObject({ status: 'failed', error: { code: 'TASK_TIMEOUT' } });
    const [signal] = signals;
    expect(seen.toSorted((a, b) => a.where.localeCompare(b.where))).toEqual([
      { where: 'both', task, signal, store: 'caller' },
      { where: 'listener', task, signal, store: 'caller' },
      { where: 'onError', task, signal: expect.any(AbortSignal), store: 'caller' },
    ]);
    expect(seen.find(({ where }) => where === 'onError')?.signal).not.toBe(signal);
  });

  it('hears in its own context that the application shuts down', async () => {
    const task = schedule(() => untilAborted('listener'));
    await task.started;
    const { signal } = task;
    await elsewhere(() => test.context.close());
    expect(seen).toEqual([{ where: 'listener', task, signal, store: 'caller' }]);
  });

  it('hears in a retry, and in its onError, as that which goes on', async () => {
    const task = storage.run('caller', () =>
      test.scheduler
        .task({
          onError: async (failed) => {
            const { signal } = currentTask();
            signal.addEventListener('abort', () => look('listener of onError'));
            const retry = failed.retry();
            // Aborts what runs: the attempt, and the onError that has started it.
            await new Promise((resolve) => setImmediate(resolve));
            elsewhere(() => failed.cancel());
            await retry.catch(() => {});
            expect(currentTask().signal).toBe(signal);
          },
        })
        .schedule(() => {
          if (currentTask().attempt === 1) throw new Error('bad');
          return untilAborted('listener of the retry');
        }),
    );
    await task.done;
    expect(seen.map(({ where }) => where)).toEqual(['listener of the retry', 'listener of onError']);
    expect(seen.map((sight) => [sight.task, sight.store])).toEqual([
      [task, 'caller'],
      [task, 'caller'],
    ]);
    expect(new Set(seen.map(({ signal }) => signal)).size).toBe(2);
  });

  it('is wrapped in its own context', async () => {
    const { decorate } = TaskRunDecorator.prototype;
    TaskRunDecorator.prototype.decorate = (run) => {
      look('decorate');
      return () => {
        look('wrapped');
        return run();
      };
    };
    try {
      const task = schedule(() => look('function'));
      await task.done;
      const { signal } = task;
      expect(seen).toEqual(
        ['decorate', 'wrapped', 'function'].map((where) => ({ where, task, signal, store: 'caller' })),
      );
    } finally {
      TaskRunDecorator.prototype.decorate = decorate;
    }
  });

  it("hears of it in an empty context with asyncContext 'none', and has its own task there", async () => {
    const task = storage.run('caller', () =>
      test.scheduler.task({ asyncContext: 'none' }).schedule(() => {
        look('function');
        return untilAborted('listener');
      }),
    );
    await task.started;
    const { signal } = task;
    elsewhere(() => task.cancel());
    expect(seen).toEqual(['function', 'listener'].map((where) => ({ where, task, signal, store: undefined })));
  });

  it('is not in the context of the task that has scheduled it, but in that of its caller', async () => {
    const outer = schedule(() => {
      look('outer');
      return storage.run('inner caller', () => test.scheduler.schedule(async () => look('inner')));
    });
    const { value: inner } = (await outer.done) as { value: Task };
    await inner.done;
    expect(seen.map(({ where, task, store }) => ({ where, task, store }))).toEqual([
      { where: 'outer', task: outer, store: 'caller' },
      { where: 'inner', task: inner, store: 'inner caller' },
    ]);
  });
});

describe('a durable task', () => {
  const causes = {
    cancel: (queue: TaskQueue) => queue.cancel('key'),
    shutdown: (_queue: TaskQueue, { context }: TestContext) => context.close(),
    timeout: () => {},
  };

  @Injectable()
  class Waits {
    constructor(private readonly context: TaskContext) {}

    @Durable('waits.wait', { onError: () => look('onError') })
    wait(): Promise<never> {
      return storage.run('run', () => {
        this.context.signal.addEventListener('abort', () => look(this.context.key));
        return untilAborted('listener');
      });
    }

    @Durable('waits.waitInTime', { timeout: 50, onError: () => look('onError') })
    waitInTime(): Promise<never> {
      return this.wait();
    }
  }

  it.each(['cancel', 'shutdown', 'timeout'] as const)('hears in its own context of a %s', async (cause) => {
    await using test = await startContext({}, { providers: [Waits] });
    const queue = test.context.get(TaskQueue);
    const { wait, waitInTime } = test.context.get(Waits);
    const started = new Promise<Task>((resolve) => {
      test.scheduler.events$.subscribe(({ type, task }) => type === 'started' && resolve(task));
    });
    await queue.add(cause === 'timeout' ? waitInTime : wait, { key: 'key' })();
    const task = await started;
    const { signal } = task;
    await elsewhere(() => causes[cause](queue, test));
    await task.done;
    expect(seen.slice(0, 2).map(({ where }) => where)).toEqual(['key', 'listener']);
    expect(seen.slice(0, 2).map((sight) => [sight.task, sight.signal])).toEqual([
      [task, signal],
      [task, signal],
    ]);
    expect(seen.slice(2).map(({ where, ...sight }) => [where, sight.task])).toEqual(
      cause === 'timeout' ? [['onError', task]] : [],
    );
  });
});
