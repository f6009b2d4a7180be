import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, Scope } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  currentTask,
  NoActiveTaskError,
  TaskCancelledError,
  TaskContext,
  TaskDiscardedError,
  TasksConfigError,
  TaskScheduler,
  TaskTimeoutError,
  type Task,
  type TaskErrorFunction,
  type TaskErrorHandler,
  type TaskEvent,
} from 'nestjs-tasks';
import { TaskRunner } from '../../lib/scheduler/task-runner.js';
import { Gate } from '../support/app.js';
import { startContext, type TestContext } from '../support/context.js';
import { usageError } from '../support/usage-error.js';

let test: TestContext;
let scheduler: TaskScheduler;

beforeEach(async () => {
  test = await startContext();
  scheduler = test.scheduler;
});
afterEach(() => test.context.close());

const bad = (): never => {
  throw new Error('bad');
};

/** Runs until its signal is aborted, then rejects with the signal's reason. */
const untilAborted = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    const { signal } = currentTask();
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

describe('schedule', () => {
  it('returns at once and starts the task in a microtask, never inline', async () => {
    const order: string[] = [];
    const task = scheduler.schedule(() => order.push('task'));
    order.push('after schedule');
    expect(task.isStarted).toBe(false);
    expect(task.status).toBe('scheduled');
    await null;
    expect(order).toEqual(['after schedule', 'task']);
    expect(task.isStarted).toBe(true);
  });

  it('starts tasks first in, first out, with their arguments', async () => {
    const calls: unknown[][] = [];
    const record = (...args: unknown[]): void => void calls.push(args);
    scheduler.schedule(record);
    scheduler.schedule(record, 1, 'two');
    scheduler.schedule(record, { three: 3 });
    await scheduler.idle();
    expect(calls).toEqual([[], [1, 'two'], [{ three: 3 }]]);
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['send', "'send'"],
    [Promise.resolve(), 'a value of type Promise'],
  ])('refuses %p, which is not a function', (func, described) => {
    expect(() => scheduler.schedule(func as unknown as () => void)).toThrow(
      new TypeError(
        `schedule() needs a function and got ${described}. Pass the function, then its arguments: schedule(sendMail, to), not schedule(sendMail(to)).`,
      ),
    );
  });

  it('schedules from within a task, and then runs outside of it', async () => {
    const order: string[] = [];
    scheduler.schedule(() => {
      scheduler.schedule(() => order.push('inner'));
      order.push('outer');
    });
    await scheduler.idle();
    expect(order).toEqual(['outer', 'inner']);
  });
});

describe('task()', () => {
  it('is reusable: each schedule is a new task with the same options', async () => {
    const report = scheduler.task({ name: 'report', shield: true });
    const [a, b] = [report.schedule(() => 1), report.schedule(() => 2)];
    expect([a.name, b.name, a.shielded, b.shielded]).toEqual(['report', 'report', true, true]);
    expect(a.id).not.toBe(b.id);
    expect([await a.result(), await b.result()]).toEqual([1, 2]);
  });

  it('takes a copy of its options', () => {
    const config = { name: 'before' };
    const report = scheduler.task(config);
    config.name = 'after';
    expect(report.schedule(() => {}).name).toBe('before');
  });

  it('refuses options that cannot be used, at the call', () => {
    expect(() => scheduler.task({ timeout: 'soon' })).toThrow(TasksConfigError);
    expect(() => scheduler.task({ timeout: 'soon' })).toThrow(/^task\(\)\.timeout is 'soon'\. Allowed: /);
  });
});

describe('a task', () => {
  it('tells what it is', () => {
    function send(): void {}
    const options = { retries: 1 };
    const task = scheduler
      .task({ name: 'mail' })
      .schedule(send as (to: string, options: object) => void, 'a@b.c', options);
    expect(task).toMatchObject({
      name: 'mail',
      func: send,
      args: ['a@b.c', options],
      kwargs: options,
      shielded: false,
      timing: 'immediate',
      attempt: 1,
      status: 'scheduled',
    });
    expect(task.config).toEqual({ name: 'mail', shield: false, runOn: 'success' });
    expect(Object.isFrozen(task.config)).toBe(true);
  });

  it('has a unique id', () => {
    const ids = Array.from({ length: 100 }, () => scheduler.schedule(() => {}).id);
    expect(new Set(ids).size).toBe(100);
  });

  it('is named by its options, its function, or not at all', () => {
    const throwing = (): void => {};
    Object.defineProperty(throwing, 'name', {
      get: () => {
        throw new Error('no name');
      },
    });
    function send(): void {}
    expect(scheduler.task({ name: 'x' }).schedule(send).name).toBe('x');
    expect(scheduler.schedule(send).name).toBe('send');
    expect(scheduler.schedule(() => {}).name).toBe('anonymous');
    expect(scheduler.schedule(throwing).name).toBe('anonymous');
  });

  it.each([
    [[], {}],
    [[1, 'two'], {}],
    [[{ id: 1 }], { id: 1 }],
    [['a', Object.assign(Object.create(null), { id: 1 })], { id: 1 }],
    [[new Map()], {}],
    [[structuredClone({ id: 1 })], { id: 1 }],
    [[['list']], {}],
    [[null], {}],
    [
      [
        new Proxy(
          {},
          {
            getPrototypeOf: () => {
              throw new Error('no prototype');
            },
          },
        ),
      ],
      {},
    ],
  ])('has the last argument as kwargs if it is a plain object: case %#', (args: unknown[], kwargs) => {
    expect({ ...scheduler.schedule((..._args: unknown[]) => {}, ...args).kwargs }).toEqual(kwargs);
  });

  it('can be answered by a handler and written to a log, without its arguments', () => {
    const task = scheduler.task({ name: 'x' }).schedule((_card: string) => {}, 'SECRET');
    expect(JSON.parse(JSON.stringify(task))).toEqual({
      id: task.id,
      name: 'x',
      timing: 'immediate',
      status: 'scheduled',
      attempt: 1,
      shielded: false,
    });
  });

  it('is not a promise', async () => {
    const gate = new Gate();
    const handler = async () => scheduler.schedule(() => gate.passed);
    const task = await handler();
    expect(task.status).toBe('running');
    gate.pass();
    expect('then' in task).toBe(false);
  });

  it.each([
    ['a value', () => 7, 7],
    ['a promise', async () => 7, 7],
    ['a thenable', () => ({ then: (resolve: (value: number) => void) => resolve(7) }), 7],
    ['an object', () => ({ seven: 7 }), { seven: 7 }],
    ['nothing', () => {}, undefined],
    ['null', () => null, null],
  ])('succeeds with %s', async (_what, func, value) => {
    const task = scheduler.schedule(func as () => unknown);
    await task.started;
    await expect(task.done).resolves.toEqual({ status: 'succeeded', value });
    await expect(task.result()).resolves.toEqual(value);
    expect(task.status).toBe('succeeded');
    await task.started; // again, after the fact
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('bad');
      },
    ],
    ['rejects', () => Promise.reject(new Error('bad'))],
    [
      'returns an object whose then throws',
      () => ({
        get then() {
          throw new Error('bad');
        },
      }),
    ],
    [
      'returns a thenable that rejects',
      () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error('bad')) }),
    ],
  ])('fails when its function %s', async (_what, func) => {
    const task = scheduler.schedule(func as () => unknown);
    await expect(task.done).resolves.toEqual({ status: 'failed', error: new Error('bad') });
    await expect(task.result()).rejects.toThrow('bad');
    expect(task.status).toBe('failed');
  });

  it('can be waited on with started, done and result() while it runs', async () => {
    const gate = new Gate();
    const task = scheduler.schedule(async () => {
      await gate.passed;
      return 'value';
    });
    const waits = Promise.all([task.started, task.done, task.result()]);
    await task.started;
    gate.pass();
    await expect(waits).resolves.toEqual([undefined, { status: 'succeeded', value: 'value' }, 'value']);
    expect(task.done).toBe(task.done);
  });
});

describe('the async context', () => {
  it('is that in which the task was scheduled, for its function, onError and retries', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const func = async (): Promise<void> => {
      seen.push(storage.getStore());
      await null;
      seen.push(storage.getStore());
      throw new Error('bad');
    };
    const onError = async (task: Task): Promise<void> => {
      seen.push(storage.getStore());
      await task.retry().catch(() => {});
    };
    storage.run('first', () => scheduler.task({ onError }).schedule(func));
    storage.run('second', () => scheduler.schedule(() => seen.push(storage.getStore())));
    await scheduler.idle();
    expect(seen.toSorted()).toEqual(['first', 'first', 'first', 'first', 'first', 'second']);
    expect(storage.getStore()).toBeUndefined();
  });

  it('is kept by tasks that wait for a slot', async () => {
    await using one = await startContext({ concurrency: 1 });
    const storage = new AsyncLocalStorage<number>();
    const seen: unknown[] = [];
    for (const id of [1, 2, 3])
      storage.run(id, () => one.scheduler.schedule(async () => seen.push(storage.getStore())));
    await one.scheduler.idle();
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe('TaskContext', () => {
  it('is the running task, across awaits, and each its own', async () => {
    const context = test.context.get(TaskContext);
    const read = async (): Promise<unknown[]> => {
      await null;
      return [context.isActive, context.task, context.signal, context.attempt, currentTask()];
    };
    const tasks = [scheduler.schedule(read), scheduler.schedule(read)];
    for (const task of tasks) expect(await task.result()).toEqual([true, task, task.signal, 1, task]);
  });

  it('throws NoActiveTaskError outside a task', () => {
    const context = test.context.get(TaskContext);
    expect(context.isActive).toBe(false);
    const members = [
      () => context.task,
      () => context.signal,
      () => context.attempt,
      () => context.logger,
      currentTask,
    ];
    for (const member of members) expect(member).toThrow(NoActiveTaskError);
    expect(currentTask).toThrow(/check context\.isActive first/);
  });

  it('logs under the name and id of the task', async () => {
    const context = test.context.get(TaskContext);
    const task = scheduler.task({ name: 'report' }).schedule(() => {
      expect(context.logger).toBe(context.logger);
      context.logger.log('page 1');
    });
    await task.result();
    expect(test.logs.lines).toEqual([`log page 1 report#${task.id}`]);
  });

  it('is active in onError', async () => {
    const seen: unknown[] = [];
    const task = scheduler
      .task({ onError: () => seen.push(currentTask()) })
      .schedule(() => Promise.reject(new Error('bad')));
    await task.done;
    expect(seen).toEqual([task]);
  });
});

describe('a failure', () => {
  it('is logged once with name, id and stack, never with arguments', async () => {
    const task = scheduler
      .task({ name: 'charge' })
      .schedule((_card: string, _options: object) => bad(), '4242-SECRET', { pin: '4242-SECRET' });
    await task.done;
    expect(test.logs.lines).toHaveLength(1);
    expect(test.logs.lines[0]).toMatch(
      new RegExp(`^error Task charge#${task.id} failed: bad Error: bad\\n    at bad .*task-scheduler\\.spec.*`, 's'),
    );
    expect(test.logs.matching('SECRET')).toEqual([]);
  });

  it('is logged with its causes', async () => {
    await scheduler.schedule(() => {
      throw new Error('outer', { cause: new TypeError('inner') });
    }).done;
    expect(test.logs.lines[0]).toMatch(/Error: outer.*\nCaused by: TypeError: inner\n/s);
  });

  it.each([
    [undefined, 'undefined was thrown'],
    ['text', "'text' was thrown"],
    [{ pin: 'SECRET' }, 'a value of type Object was thrown'],
    [Object.create(null), 'a value of type Object was thrown'],
    [Object.assign(new Error('no stack'), { stack: undefined }), 'Error: no stack'],
    [Object.defineProperty(new Error('x'), 'stack', { get: () => bad() }), 'x'],
    [Object.defineProperty(new Error('x'), 'message', { get: () => bad() }), 'an error that cannot be described'],
    [Object.assign(new Error('x'), { message: Object.create(null) }), 'an error that cannot be described'],
    [Object.assign(new Error('x'), { message: Symbol('s') }), 'Symbol(s)'],
    [new Proxy({}, { getPrototypeOf: () => bad() }), 'a value of type Object was thrown'],
  ])('is logged whatever was thrown: case %#', async (thrown: unknown, described) => {
    const onError = jest.fn<TaskErrorFunction>();
    const task = scheduler.task({ onError }).schedule(() => {
      throw thrown;
    });
    const outcome = await task.done;
    expect(outcome.status === 'failed' && outcome.error === thrown).toBe(true);
    expect(onError.mock.calls[0]?.[1] === thrown).toBe(true);
    expect(test.logs.lines[0]).toContain(described);
    expect(test.logs.matching('SECRET')).toEqual([]);
  });

  it('is logged with a bounded number of causes', async () => {
    const [a, b] = [new Error('a'), new Error('b')];
    a.cause = b;
    b.cause = a;
    for (const error of [a, b]) error.stack = `Error: ${error.message}`; // more would be cut
    await scheduler.schedule(() => Promise.reject(a)).done;
    expect(test.logs.lines[0]?.match(/Caused by/g)).toHaveLength(8);
  });

  it('escapes control characters of names, which would forge log lines', async () => {
    await scheduler.task({ name: 'a\nerror forged\u2028' }).schedule(bad).done;
    expect(test.logs.lines[0]).toMatch(/^error Task a\\u000aerror forged\\u2028#\d+ failed: bad/);
    expect(test.logs.lines[0]?.split('\n')[0]).toContain('failed: bad');
  });

  it('affects neither siblings nor the process', async () => {
    const results = [1, 2, 3].map((n) => scheduler.schedule(() => (n === 2 ? bad() : n)));
    await scheduler.idle();
    expect(results.map(({ status }) => status)).toEqual(['succeeded', 'failed', 'succeeded']);
  });

  it('reaches onError after it was logged, and done settles after onError', async () => {
    const order: string[] = [];
    const gate = new Gate();
    const task = scheduler
      .task({
        onError: async (failed, error) => {
          order.push(`onError ${failed.status} ${String(error)}, logged ${test.logs.lines.length}`);
          await gate.passed;
          order.push('handled');
        },
      })
      .schedule(bad);
    void task.done.then(() => order.push('done'));
    await task.started;
    expect(scheduler.running).toEqual([task]);
    const idle = scheduler.idle().then(() => order.push('idle'));
    gate.pass();
    await idle;
    await task.done;
    expect(order.slice(0, 2)).toEqual(['onError failed Error: bad, logged 1', 'handled']);
    expect(order.slice(2).toSorted()).toEqual(['done', 'idle']);
  });

  it('reaches a provider class, which Nest resolves with its dependencies', async () => {
    @Injectable()
    class Reports {
      readonly seen: unknown[] = [];
    }
    @Injectable()
    class ReportFailure implements TaskErrorHandler {
      constructor(private readonly reports: Reports) {}
      onTaskError(task: Task, error: unknown): void {
        this.reports.seen.push(task.name, error);
      }
    }
    await using own = await startContext({ onError: ReportFailure }, { providers: [Reports, ReportFailure] });
    await own.scheduler.task({ name: 'x' }).schedule(bad).done;
    expect(own.context.get(Reports).seen).toEqual(['x', new Error('bad')]);
  });

  it('reaches a request-scoped provider class, made anew', async () => {
    const instances = new Set<object>();
    @Injectable({ scope: Scope.REQUEST })
    class ReportFailure implements TaskErrorHandler {
      onTaskError(): void {
        instances.add(this);
      }
    }
    await using own = await startContext({ onError: ReportFailure }, { providers: [ReportFailure] });
    await own.scheduler.schedule(bad).done;
    await own.scheduler.schedule(bad).done;
    expect(instances.size).toBe(2);
  });

  it('is logged with both errors when onError fails too', async () => {
    const task = scheduler
      .task({ name: 'charge', onError: () => Promise.reject(new Error('handler is bad')) })
      .schedule(bad);
    await expect(task.done).resolves.toEqual({ status: 'failed', error: new Error('bad') });
    expect(test.logs.lines).toHaveLength(2);
    expect(test.logs.lines[1]).toMatch(
      new RegExp(
        `^error The onError handler of task charge#${task.id} failed: handler is bad\\. The task's own error: bad Error: handler is bad.*The task's own error: Error: bad`,
        's',
      ),
    );
  });

  it('is logged with both errors when the class in onError cannot be made', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Broken {
      constructor() {
        throw new Error('no connection');
      }
      onTaskError(): void {}
    }
    await using own = await startContext({}, { providers: [Broken] });
    await own.scheduler.task({ onError: Broken }).schedule(bad).done;
    expect(own.logs.lines[1]).toMatch(
      /The onError handler of task .* failed: no connection\. The task's own error: bad/,
    );
  });

  it('would not reach a class that no module provides: scheduling refuses it', () => {
    class NotProvided {
      onTaskError(): void {}
    }
    expect(() => scheduler.task({ onError: NotProvided }).schedule(bad)).toThrow(
      'onError is the function NotProvided. Allowed: a class that a module provides. Add NotProvided to the providers of a module.',
    );
  });

  it('reaches onError although the logger throws', async () => {
    const written: string[] = [];
    const stderr = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    const logger = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {
      throw new Error('logger is bad');
    });
    try {
      const onError = jest.fn();
      const task = scheduler.task({ onError }).schedule(bad);
      await task.done;
      expect(onError).toHaveBeenCalledTimes(1);
      expect(written).toEqual([
        `Task anonymous#${task.id} failed: bad\n(The application's logger failed: logger is bad)\n`.replace(
          'anonymous',
          'bad',
        ),
      ]);
    } finally {
      logger.mockRestore();
      stderr.mockRestore();
    }
  });
});

describe('retry()', () => {
  it('calls the function again in onError, counts attempts and does not call onError again', async () => {
    const attempts: number[] = [];
    const onError = jest.fn(async (task: Task) => {
      for (let i = 0; i < 3; i++) {
        try {
          return await task.retry();
        } catch {}
      }
      return undefined;
    });
    const task = scheduler.task({ onError }).schedule((id: string) => {
      attempts.push(currentTask().attempt);
      if (attempts.length < 3) throw new Error(`bad ${id}`);
      return 'good';
    }, 'x');
    const outcome = await task.done;
    expect(attempts).toEqual([1, 2, 3]);
    expect(onError).toHaveBeenCalledTimes(1);
    await expect(onError.mock.results[0]?.value).resolves.toBe('good');
    expect(outcome).toEqual({ status: 'failed', error: new Error('bad x') });
    expect([task.status, task.attempt]).toEqual(['failed', 3]);
    expect(scheduler.counts).toMatchObject({ failed: 1, retried: 2, retryFailed: 1, retrySucceeded: 1 });
  });

  it('rejects when the function fails, and is no unhandled rejection when nobody looks', async () => {
    const task = scheduler
      .task({ onError: (failed) => void failed.retry() })
      .schedule(() => Promise.reject(new Error('always bad')));
    await task.done;
    await scheduler.idle();
    expect(test.logs.matching('warn')).toEqual([
      `warn Task anonymous#${task.id} failed again in attempt 2: always bad Tasks`,
    ]);
    await expect(task.retry()).rejects.toThrow('always bad');
    expect(task.attempt).toBe(3);
  });

  it('works after the task is done, and is waited for by idle()', async () => {
    const gate = new Gate();
    let calls = 0;
    const task = scheduler.schedule(async () => {
      calls += 1;
      if (calls > 1) await gate.passed;
      return calls;
    });
    await task.done;
    const again = task.retry();
    let isIdle = false;
    const idle = scheduler.idle().then(() => (isIdle = true));
    await null;
    await null;
    expect(isIdle).toBe(false);
    expect(scheduler.running).toEqual([task]);
    gate.pass();
    await expect(again).resolves.toBe(2);
    await idle;
    await expect(task.result()).resolves.toBe(1);
  });

  it('runs a task that was discarded, whose status stays', async () => {
    const own = await startContext();
    await own.context.close();
    const closed = own.scheduler.schedule(() => 1);
    expect(closed.status).toBe('discarded');

    await using open = await startContext();
    const runner = open.context.get(TaskRunner);
    const task = open.scheduler.schedule(() => 7);
    runner.discard(task, 'route failed');
    runner.discard(task, 'twice');
    await expect(task.retry()).resolves.toBe(7);
    expect([task.status, task.isStarted, task.attempt]).toEqual(['discarded', false, 2]);
    await expect(task.started).rejects.toThrow(TaskDiscardedError);
  });

  it('refuses while the task waits, runs or is retried', async () => {
    const gate = new Gate();
    const task = scheduler.task({ name: 'x' }).schedule(() => gate.passed);
    await expect(task.retry()).rejects.toThrow(usageError('TASK_NOT_ENDED'));
    await task.started;
    await expect(task.retry()).rejects.toThrow(/^Task x#\d+ cannot be retried while it is running\. /);
    gate.pass();
    await task.done;
    const first = task.retry();
    await expect(task.retry()).rejects.toThrow(/while it is retrying/);
    await first;
  });

  it('gets a timeout and a signal of its own', async () => {
    const signals: AbortSignal[] = [];
    const task = scheduler.task({ timeout: 5 }).schedule(() => {
      signals.push(currentTask().signal);
      return signals.length < 3 ? untilAborted() : 'good';
    });
    await expect(task.result()).rejects.toThrow(TaskTimeoutError);
    await expect(task.retry()).rejects.toThrow(TaskTimeoutError);
    await expect(task.retry()).resolves.toBe('good');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
  });

  it('follows a wait on the signal in onError, after a timeout too', async () => {
    let calls = 0;
    const onError = async (task: Task): Promise<unknown> => {
      await sleep(1, undefined, { signal: task.signal });
      await task.retry().catch(() => {});
      await sleep(1, undefined, { signal: task.signal });
      return task.retry();
    };
    const task = scheduler.task({ timeout: 5, onError }).schedule(() => (++calls < 3 ? untilAborted() : 'good'));
    await expect(task.done).resolves.toMatchObject({ error: expect.any(TaskTimeoutError) });
    expect(calls).toBe(3);
    expect(test.logs.matching('onError')).toEqual([]);
  });

  it('is not reached when cancel() stops the wait in onError, which is no failure of the handler', async () => {
    const waiting = new Gate();
    const onError = async (task: Task): Promise<unknown> => {
      waiting.pass();
      await sleep(60_000, undefined, { signal: task.signal });
      return task.retry();
    };
    const task = scheduler.task({ name: 'x', onError }).schedule(() => Promise.reject(new Error('bad')));
    await waiting.passed;
    task.cancel();
    await task.done;
    expect(test.logs.lines.slice(1)).toEqual([`debug The onError handler of task x#${task.id} was cancelled Tasks`]);
  });

  it('rejects once the task was cancelled', async () => {
    const handled = new Gate();
    const task = scheduler
      .task({
        onError: async (failed) => {
          failed.cancel('enough');
          await expect(failed.retry()).rejects.toThrow(TaskCancelledError);
          handled.pass();
        },
      })
      .schedule(() => Promise.reject(new Error('bad')));
    await handled.passed;
    await expect(task.done).resolves.toMatchObject({ status: 'failed' });
  });

  it('is stopped by cancel() while it runs and while it waits for a slot', async () => {
    await using one = await startContext({ concurrency: 1 });
    let calls = 0;
    const task = one.scheduler.schedule(() => (calls++ === 0 ? 1 : untilAborted()));
    await task.done;
    const running = task.retry();
    await null;
    expect(task.cancel('enough')).toBe(true);
    await expect(running).rejects.toThrow(/was cancelled: 'enough'/);

    const other = one.scheduler.schedule(() => 1);
    await other.done;
    const gate = new Gate();
    one.scheduler.schedule(() => gate.passed);
    const waiting = other.retry();
    expect(other.cancel()).toBe(true);
    await expect(waiting).rejects.toThrow(TaskCancelledError);
    gate.pass();
    await one.scheduler.idle();
    expect(other.attempt).toBe(2);
    expect(one.logs.matching('failed again')).toEqual([]);
  });
});

describe('timeout', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] }));
  afterEach(() => void jest.useRealTimers());

  it('aborts the signal and fails the task, counted from its start', async () => {
    const onError = jest.fn();
    const task = scheduler.task({ name: 'slow', timeout: '30s', onError }).schedule(untilAborted);
    await task.started;
    await jest.advanceTimersByTimeAsync(29_999);
    expect(task.status).toBe('running');
    await jest.advanceTimersByTimeAsync(1);
    const outcome = await task.done;
    expect(outcome).toEqual({ status: 'failed', error: expect.any(TaskTimeoutError) });
    expect(outcome).toMatchObject({
      error: {
        code: 'TASK_TIMEOUT',
        timeout: 30_000,
        message: expect.stringMatching(/^Task slow#\d+ ran longer than its timeout of 30000 ms\./),
      },
    });
    expect(task.signal.reason).toBe(outcome.status === 'failed' && outcome.error);
    expect(onError).toHaveBeenCalledTimes(1);
  });

  it('fails a task that ignores its signal, and only notes how that ends later', async () => {
    const gate = new Gate();
    const task = scheduler.task({ timeout: 10 }).schedule(async () => {
      await gate.passed;
      throw new Error('too late');
    });
    await task.started;
    await jest.advanceTimersByTimeAsync(10);
    await expect(task.done).resolves.toMatchObject({ status: 'failed', error: expect.any(TaskTimeoutError) });
    expect(task.signal.aborted).toBe(true); // first read only now
    gate.pass();
    await jest.advanceTimersByTimeAsync(0);
    expect(test.logs.matching('too late')).toEqual([
      `debug Task anonymous#${task.id} failed after it was given up: too late Tasks`,
    ]);
    expect(task.status).toBe('failed');
  });

  it('leaves the attempt that ran out of time its aborted signal, beside onError and retries', async () => {
    const context = test.context.get(TaskContext);
    const seen: unknown[] = [];
    const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));
    const func = async (): Promise<void> => {
      const { attempt } = context;
      if (attempt === 2) return tick();
      await tick();
      await tick();
      seen.push(context.attempt, context.signal.aborted, currentTask().signal.aborted);
    };
    const onError = async (failed: Task): Promise<void> => {
      seen.push(context.attempt, failed.signal.aborted);
      await failed.retry();
      seen.push(context.attempt, failed.signal.aborted);
    };
    const task = scheduler.task({ timeout: 15, onError }).schedule(func);
    await task.started;
    await jest.advanceTimersByTimeAsync(100);
    await task.done;
    expect(seen).toEqual([1, false, 1, true, true, 2, false]);
    expect(task.attempt).toBe(2);
  });

  it('is the reason of the event of the task that ran out of time alone', async () => {
    const reasons: string[] = [];
    scheduler.events$.subscribe(
      ({ type, task, reason }) => void (type === 'failed' && reasons.push(`${task.name} ${reason}`)),
    );
    const slow = scheduler.task({ name: 'slow', timeout: 10 }).schedule(untilAborted);
    scheduler.task({ name: 'other' }).schedule(() => slow.result());
    await slow.started;
    await jest.advanceTimersByTimeAsync(10);
    await scheduler.idle();
    expect(reasons).toEqual(['slow timeout', 'other threw']);
  });

  it('is over when the task ends: no timer is left', async () => {
    const task = scheduler.task({ timeout: '1h' }).schedule(() => 'quick');
    await task.done;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('gives up on a task that was cancelled and does not stop', async () => {
    const task = scheduler.task({ timeout: 10 }).schedule(() => new Promise(() => {}));
    await task.started;
    task.cancel('enough');
    await jest.advanceTimersByTimeAsync(10);
    await expect(task.done).resolves.toMatchObject({ status: 'cancelled' });
  });
});

describe('cancel()', () => {
  it('aborts the signal of a running task, which is cancelled and not failed', async () => {
    const onError = jest.fn();
    const task = scheduler.task({ name: 'x', onError }).schedule(untilAborted);
    await task.started;
    expect(task.cancel('no longer needed')).toBe(true);
    await expect(task.done).resolves.toEqual({ status: 'cancelled', error: expect.any(TaskCancelledError) });
    expect(task.signal.reason).toMatchObject({
      code: 'TASK_CANCELLED',
      reason: 'no longer needed',
      message: `Task x#${task.id} was cancelled: 'no longer needed'.`,
    });
    expect(onError).not.toHaveBeenCalled();
    expect(test.logs.lines).toEqual([`debug Task x#${task.id} was cancelled Tasks`]);
    expect(task.cancel()).toBe(false);
  });

  it('takes an abort that Node made of the signal for what it is', async () => {
    const task = scheduler.schedule(() => sleep(60_000, undefined, { signal: currentTask().signal }));
    await task.started;
    task.cancel();
    await expect(task.done).resolves.toMatchObject({ status: 'cancelled', error: { name: 'AbortError' } });
    expect(test.logs.matching('debug')).toHaveLength(1);
  });

  it('tells in full what a cancelled task threw instead of the reason', async () => {
    const task = scheduler.schedule(async () => {
      await untilAborted().catch(() => {});
      throw new Error('clean-up is bad');
    });
    await task.started;
    task.cancel();
    await expect(task.done).resolves.toEqual({ status: 'cancelled', error: new Error('clean-up is bad') });
    expect(test.logs.lines[0]).toMatch(
      /^warn Task anonymous#\d+ was cancelled and stopped with an error: Error: clean-up is bad/,
    );
  });

  it('is a request: a task that returns all the same has succeeded', async () => {
    const gate = new Gate();
    const task = scheduler.schedule(() => gate.passed);
    await task.started;
    expect(task.cancel(new Error('a reason'))).toBe(true);
    expect(task.cancel('another')).toBe(true);
    gate.pass();
    await expect(task.done).resolves.toMatchObject({ status: 'succeeded' });
    expect(task.signal.reason).toMatchObject({
      message: expect.stringMatching(/was cancelled: a reason\.$/),
      cause: new Error('a reason'),
    });
  });

  it('ends a task that has not started, which then never does', async () => {
    const func = jest.fn();
    const task = scheduler.schedule(func);
    const { started } = task;
    expect(task.cancel()).toBe(true);
    expect(task.status).toBe('cancelled');
    await expect(started).rejects.toThrow(TaskDiscardedError);
    await expect(started).rejects.toMatchObject({ reason: 'cancelled', cause: expect.any(TaskCancelledError) });
    await expect(task.done).resolves.toEqual({ status: 'cancelled', error: expect.any(TaskCancelledError) });
    await scheduler.idle();
    expect(func).not.toHaveBeenCalled();
    expect(task.signal.aborted).toBe(true);
  });

  it.each([
    Symbol('s'),
    Object.create(null),
    {
      toString: () => {
        throw new Error('no');
      },
    },
    7,
  ])('takes any reason: case %#', async (reason: unknown) => {
    const task = scheduler.schedule(untilAborted);
    await task.started;
    task.cancel(reason);
    await expect(task.done).resolves.toMatchObject({ status: 'cancelled', error: { reason } });
  });
});

describe('concurrency', () => {
  it('runs at most so many at once, the rest first in, first out', async () => {
    await using two = await startContext({ concurrency: 2 });
    const order: number[] = [];
    const gates = Array.from({ length: 6 }, () => new Gate());
    let running = 0;
    let most = 0;
    const tasks = gates.map((gate, i) =>
      two.scheduler.schedule(async () => {
        order.push(i);
        most = Math.max(most, ++running);
        await gate.passed;
        running -= 1;
      }),
    );
    await tasks[1]?.started;
    expect(tasks.map(({ status }) => status)).toEqual([
      'running',
      'running',
      'scheduled',
      'scheduled',
      'scheduled',
      'scheduled',
    ]);
    for (const gate of gates.toReversed()) gate.pass();
    await two.scheduler.idle();
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it('frees the slot of a failed task before its onError, which may schedule and retry', async () => {
    await using one = await startContext({ concurrency: 1 });
    let calls = 0;
    const task = one.scheduler
      .task({
        onError: async (failed) => {
          await one.scheduler.schedule(() => {}).done;
          await failed.retry();
        },
      })
      .schedule(() => {
        if (++calls === 1) throw new Error('bad');
      });
    await task.done;
    expect(calls).toBe(2);
  });

  it('skips what was cancelled while it waited', async () => {
    await using one = await startContext({ concurrency: 1 });
    const order: number[] = [];
    const tasks = Array.from({ length: 10_000 }, (_, i) => one.scheduler.schedule(() => order.push(i)));
    for (const task of tasks.slice(1, -1)) task.cancel();
    await one.scheduler.idle();
    expect(order).toEqual([0, 9_999]);
  });

  it('lets go of what was cancelled while it waited, with its arguments', async () => {
    await using one = await startContext({ concurrency: 1 });
    const gate = new Gate();
    await one.scheduler.schedule(() => gate.passed).started;
    const tasks = Array.from({ length: 1_000 }, () => one.scheduler.schedule(() => {}));
    const pools = Reflect.get(one.context.get(TaskRunner), 'allPools') as { of(task: unknown): object };
    const queue = Reflect.get(pools.of(tasks[0]), 'queue') as { size: number };
    for (const task of tasks.slice(1)) task.cancel();
    expect(queue.size).toBeLessThan(10);
    gate.pass();
    await one.scheduler.idle();
    expect(tasks[0]?.status).toBe('succeeded');
  });
});

describe('watching', () => {
  it('emits every transition with its reason', async () => {
    const events: TaskEvent[] = [];
    const subscription = scheduler.events$.subscribe((event) => events.push(event));
    const onError = (task: Task): Promise<unknown> => task.retry().catch(() => {});
    let calls = 0;
    const failing = scheduler.task({ name: 'failing', onError }).schedule(() => {
      throw new Error(`bad ${++calls}`);
    });
    const good = scheduler.task({ name: 'good' }).schedule(() => {});
    const stopped = scheduler.task({ name: 'stopped' }).schedule(untilAborted);
    await stopped.started;
    stopped.cancel('enough');
    await scheduler.idle();
    const of = (task: Task) =>
      events.filter((event) => event.task === task).map(({ type, status, reason }) => [type, status, reason]);
    expect(of(failing)).toEqual([
      ['scheduled', 'scheduled', 'immediate'],
      ['started', 'running', 'attempt 1'],
      ['failed', 'failed', 'threw'],
      ['retried', 'failed', 'attempt 2'],
      ['retryFailed', 'failed', 'attempt 2'],
    ]);
    expect(of(good as Task)).toEqual([
      ['scheduled', 'scheduled', 'immediate'],
      ['started', 'running', 'attempt 1'],
      ['succeeded', 'succeeded', 'returned'],
    ]);
    expect(of(stopped)).toEqual([
      ['scheduled', 'scheduled', 'immediate'],
      ['started', 'running', 'attempt 1'],
      ['cancelled', 'cancelled', 'enough'],
    ]);
    expect(events.find(({ type }) => type === 'failed')).toMatchObject({
      error: new Error('bad 1'),
      at: expect.any(Number),
    });
    subscription.unsubscribe();
  });

  it('lists what runs', async () => {
    const gate = new Gate();
    const task = scheduler.schedule(() => gate.passed);
    expect(scheduler.running).toEqual([]);
    await task.started;
    expect(scheduler.running).toEqual([task]);
    gate.pass();
    await task.done;
    expect(scheduler.running).toEqual([]);
  });

  it('is idle at once when nothing runs', async () => {
    await expect(scheduler.idle()).resolves.toBeUndefined();
  });
});

it('leaves no unhandled rejection behind, whatever happens to a task that nobody watches', async () => {
  const unhandled = jest.fn();
  process.on('unhandledRejection', unhandled);
  try {
    const reject = () => Promise.reject(new Error('bad'));
    const tasks = [
      scheduler.schedule(reject),
      scheduler.task({ onError: () => reject() }).schedule(reject),
      scheduler.task({ onError: (task) => void task.retry() }).schedule(reject),
      scheduler.schedule(() => Promise.reject(undefined)),
      scheduler.schedule(() => {}),
    ];
    tasks[4]?.cancel();
    for (const task of tasks) {
      void task.started;
      void task.done;
      void task.result();
    }
    await scheduler.idle();
    await new Promise(setImmediate); // Node reports unhandled rejections when the microtasks have run
    expect(unhandled).not.toHaveBeenCalled();
  } finally {
    process.off('unhandledRejection', unhandled);
  }
});
