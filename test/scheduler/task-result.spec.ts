import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { describe, expect, it, jest } from '@jest/globals';
import { concat, defer, EMPTY, NEVER, Observable, of, throwError } from 'rxjs';
import { currentTask, Durable, Perpetual, TaskQueue, TaskRunDecorator, type Task } from 'nestjs-tasks';
import { startContext } from '../support/context.js';
import { usageError } from '../support/usage-error.js';

/** Never ends by itself. */
function endless(log: string[]): Observable<string> {
  return new Observable((subscriber) => {
    log.push('subscribed');
    subscriber.next('first');
    return () => log.push('unsubscribed');
  });
}

/** What the compiler would refuse. */
const asFunction = (func: () => unknown): (() => unknown) => func;

describe('a function that returns an Observable', () => {
  it('is subscribed to once, and its last value is the result', async () => {
    await using test = await startContext();
    let sent = 0;
    const post = (...values: number[]): Observable<number> => defer(() => of(++sent, ...values));
    await expect(test.scheduler.schedule(post, 7, 8).result()).resolves.toBe(8);
    expect(sent).toBe(1);
    await expect(test.scheduler.schedule(async () => post(9)).result()).resolves.toBe(9);
    await expect(test.scheduler.schedule(() => EMPTY).result()).resolves.toBeUndefined();
    expect(sent).toBe(2);
  });

  it('stops when it is cancelled, though its teardown throws', async () => {
    await using test = await startContext();
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const teardown = (): never => {
      throw new Error('of a teardown');
    };
    const task = test.scheduler.schedule(() => new Observable(() => teardown));
    await task.started;
    await new Promise((resolve) => setImmediate(resolve));
    task.cancel();
    expect((await task.done).status).toBe('cancelled');
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('of a teardown'));
    warn.mockRestore();
  });

  it('is told apart from a promise that calls back in another async context', async () => {
    await using test = await startContext();
    const elsewhere = new AsyncResource('elsewhere');
    const instrumented = (value: number): Promise<number> => {
      const promise = Promise.resolve(value);
      const then = promise.then.bind(promise) as (...callbacks: unknown[]) => Promise<number>;
      const inOther = (callback: unknown) => (result: unknown) =>
        elsewhere.runInAsyncScope(() => (callback as (result: unknown) => unknown)(result));
      return Object.assign(promise, { then: (...callbacks: unknown[]) => then(...callbacks.map(inOther)) });
    };
    expect(await test.scheduler.schedule(instrumented, 7).result()).toBe(7);
  });

  it('is told apart from a Proxy that refuses to be asked', async () => {
    await using test = await startContext();
    const refusing = new Proxy(
      {},
      {
        getPrototypeOf() {
          throw new Error('no reflection');
        },
      },
    );
    expect((await test.scheduler.schedule(async () => refusing).done).status).toBe('succeeded');
  });

  it('fails with its error, and onError hears of it', async () => {
    await using test = await startContext();
    const error = new Error('refused');
    const failures: unknown[] = [];
    const onError = (_task: Task, failure: unknown) => failures.push(failure);
    const task = test.scheduler.task({ onError }).schedule(() =>
      concat(
        of(1),
        throwError(() => error),
      ),
    );
    await expect(task.done).resolves.toEqual({ status: 'failed', error });
    expect(failures).toEqual([error]);
  });

  it('is subscribed to in the context of its task, run decorators included', async () => {
    const storage = new AsyncLocalStorage<string>();
    const decorated = new AsyncLocalStorage<string>();
    await using test = await startContext();
    test.context.get(TaskRunDecorator).decorate = (run) => () => decorated.run('decorated', run);
    const look = (): Observable<unknown> =>
      defer(() => of([storage.getStore(), decorated.getStore(), currentTask().name]));
    const [task, late] = storage.run('caller', () => [
      test.scheduler.schedule(look),
      test.scheduler.task({ name: 'late' }).schedule(async () => look()),
    ]);
    await expect(task.result()).resolves.toEqual(['caller', 'decorated', 'look']);
    await expect(late.result()).resolves.toEqual(['caller', undefined, 'late']);
  });

  it.each([
    ['cancel()', (task: Task) => void task.cancel(), 'cancelled', 'TASK_CANCELLED'],
    ['its timeout', () => {}, 'failed', 'TASK_TIMEOUT'],
  ])('is unsubscribed from by %s', async (_by, abort, status, code) => {
    await using test = await startContext();
    for (const func of [endless, async (log: string[]) => endless(log)] as ((log: string[]) => unknown)[]) {
      const log: string[] = [];
      const task = test.scheduler.task({ timeout: abort.length === 0 ? 20 : null }).schedule(func, log);
      await task.started;
      await Promise.resolve();
      abort(task as Task);
      await expect(task.done).resolves.toMatchObject({ status, error: { code } });
      expect(log).toEqual(['subscribed', 'unsubscribed']);
    }
  });

  it('is unsubscribed from by shutdown', async () => {
    const test = await startContext();
    const log: string[] = [];
    const task = test.scheduler.schedule(endless, log);
    await task.started;
    await test.context.close();
    expect([task.status, log]).toEqual(['cancelled', ['subscribed', 'unsubscribed']]);
    expect(test.logs.matching('abandons')).toEqual([]);
  });

  it('is not subscribed to when its task was cancelled meanwhile', async () => {
    await using test = await startContext();
    const log: string[] = [];
    const task = test.scheduler.schedule(() => {
      currentTask().cancel();
      return endless(log);
    });
    await expect(task.done).resolves.toMatchObject({ status: 'cancelled' });
    expect(log).toEqual([]);
  });

  it('is subscribed to again by retry()', async () => {
    await using test = await startContext();
    let attempts = 0;
    const task = test.scheduler.schedule(() =>
      defer(() => (++attempts === 1 ? throwError(() => 'busy') : of(attempts))),
    );
    await expect(task.done).resolves.toMatchObject({ status: 'failed', error: 'busy' });
    await expect(task.retry()).resolves.toBe(2);
  });

  it('may have it from another copy of RxJS', async () => {
    await using test = await startContext();
    jest.resetModules();
    const copy = await import('rxjs');
    expect(copy.Observable).not.toBe(Observable);
    const log: string[] = [];
    await expect(test.scheduler.schedule(() => copy.of(1, 2)).result()).resolves.toBe(2);
    const task = test.scheduler.schedule(() => copy.NEVER.pipe(copy.finalize(() => log.push('unsubscribed'))));
    await task.started;
    task.cancel();
    await expect(task.done).resolves.toMatchObject({ status: 'cancelled' });
    expect(log).toEqual(['unsubscribed']);
  });

  it('is told from what only answers to every name', async () => {
    await using test = await startContext();
    const mock: unknown = new Proxy({}, { get: (_target, key) => (key === 'then' ? undefined : () => mock) });
    const hostile = new Proxy({}, { has: () => { throw new Error('asked'); } }); // prettier-ignore
    for (const value of [mock, hostile, [NEVER], new Map([[1, NEVER]])]) {
      const outcome = await test.scheduler.schedule(() => value).done;
      expect(outcome.status === 'succeeded' && outcome.value === value).toBe(true);
    }
  });
});

describe('a generator', () => {
  it('is refused when it is scheduled, sync or async, a method or not', async () => {
    class Items {
      *all(): Generator<number> {
        yield 1;
      }
    }
    await using test = await startContext({}, { providers: [Items] });
    const { all } = test.context.get(Items);
    for (const generator of [
      function* items() {
        yield 1;
      },
      async function* items() {
        yield 1;
      },
      all,
      all,
    ]) {
      expect(() => test.scheduler.schedule(asFunction(generator))).toThrow(TypeError);
      expect(() => test.scheduler.task({}).schedule(asFunction(generator))).toThrow(
        `schedule() refuses the function ${generator.name}: it is a generator function, whose body runs only when iterated. Iterate it in a function: async () => { for await (const item of items()) … }.`,
      );
    }
    expect(test.scheduler.counts.scheduled).toBe(0);
  });

  it('fails the task that returns one', async () => {
    await using test = await startContext();
    let steps = 0;
    function* items(): Generator<number> {
      yield ++steps;
    }
    async function* later(): AsyncGenerator<number> {
      yield ++steps;
    }
    for (const func of [items.bind(undefined), () => later(), async () => items()]) {
      const task = test.scheduler.schedule(asFunction(func));
      const error = await task.result().catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).toContain('returned a generator, whose body runs only when iterated. Iterate it in');
    }
    expect(steps).toBe(0);
    await expect(test.scheduler.schedule(() => [...items()]).result()).resolves.toEqual([1]);
  });
});

describe('a durable method', () => {
  it('may return an Observable, in each of its attempts, and is unsubscribed from when it is cancelled', async () => {
    const log: string[] = [];
    let attempts = 0;
    @Injectable()
    class Hooks {
      @Durable('hooks.post', { retry: { attempts: 2, delay: 1 } })
      post(url: string): Observable<string> {
        return defer(() => (++attempts === 1 ? throwError(() => new Error('busy')) : of('sent', `sent to ${url}`)));
      }
      @Durable('hooks.wait')
      wait(): Observable<string> {
        return endless(log);
      }
    }
    await using test = await startContext({}, { providers: [Hooks] });
    const queue = test.context.get(TaskQueue);
    const hooks = test.context.get(Hooks);
    const execution = await queue.add(hooks.post)('x');
    const text: string = await execution.result();
    expect([text, attempts]).toEqual(['sent to x', 2]);

    const waiting = await queue.add(hooks.wait, { key: 'w' })();
    while (log.length === 0) await new Promise(setImmediate);
    await queue.cancel('w');
    await expect(waiting.result()).rejects.toMatchObject({ code: 'EXECUTION_CANCELLED' });
    expect(log).toEqual(['subscribed', 'unsubscribed']);
  });

  it.each([
    ['Durable', Durable('items.all')],
    ['Perpetual', Perpetual({ every: '1m' })],
  ])('stops the start when it is a generator with @%s()', async (_name, decorator) => {
    class Items {
      async *all(): AsyncGenerator<number> {
        yield 1;
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Items.prototype, 'all')!;
    decorator(Items.prototype, 'all', descriptor);
    const start = startContext({}, { providers: [Items] });
    await expect(start).rejects.toThrow(usageError('TASK_REGISTRATION'));
    await expect(start).rejects.toThrow(
      /' is declared by Items.all in RootTestModule, a generator, whose body runs only when iterated\. Make it/,
    );
  });
});
