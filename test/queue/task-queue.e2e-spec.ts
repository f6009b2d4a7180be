import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  Durable,
  ExecutionCancelledError,
  TaskArgumentError,
  TaskCancelledError,
  TaskContext,
  TaskNotRegisteredError,
  TaskResultError,
  TasksConfigError,
} from 'nestjs-tasks';
import ms from 'ms';
import { Gate } from '../support/app.js';
import { BROKERS, brokerSpace } from '../support/brokers.js';
import { expectCounts } from '../support/expect-soon.js';
import { startQueue, type QueueContextOptions } from '../support/queue-context.js';
import { until } from '../support/until.js';

jest.setTimeout(30_000);

const HOUR = 3_600_000;

@Injectable()
class Orders {
  readonly seen: unknown[] = [];
  readonly reasons: unknown[] = [];
  readonly go = new Gate();

  constructor(private readonly context: TaskContext) {}

  @Durable('orders.total')
  total(a: number, b: number): Promise<number> {
    this.seen.push([a, b]);
    return Promise.resolve(a + b);
  }

  @Durable()
  note(what: unknown): string {
    this.seen.push(what);
    return typeof what;
  }

  /** Until it may go on, or is cancelled. */
  @Durable('orders.hold')
  async hold(what: unknown): Promise<string> {
    this.seen.push(what);
    const { signal } = this.context;
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.reasons.push(signal.reason);
        reject(signal.reason as Error);
      });
    });
    await Promise.race([this.go.passed, aborted]);
    return `held ${String(what)}`;
  }

  @Durable('orders.fail', { retry: { attempts: Infinity, delay: 1, backoff: 'fixed' } })
  fail(attempts = Infinity): number {
    this.seen.push(this.context.attempt);
    if (this.context.attempt < attempts) throw new Error('bad');
    return this.context.attempt;
  }

  @Durable('orders.large')
  large(size: number): string {
    return 'x'.repeat(size);
  }

  notDurable(): void {}
}

describe.each(BROKERS)('TaskQueue: $label', (kind) => {
  const space = brokerSpace(kind);

  async function start(options?: QueueContextOptions) {
    const test = await startQueue(space, { providers: [Orders] }, options);
    return { ...test, orders: test.context.get(Orders) };
  }

  describe('add', () => {
    it('runs a method, and gives its result', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.orders.total)(1, 2);
      expect(execution).toMatchObject({ name: 'orders.total', disposition: 'scheduled', attempt: 1, priority: 0 });
      expect(execution.args).toEqual([1, 2]);
      expect(await execution.result()).toBe(3);
      expect(execution).toMatchObject({ state: 'completed', attempt: 1 });
      expect(test.orders.seen).toEqual([[1, 2]]);
      await expectCounts(test.queue, { added: 1, started: 1, completed: 1 });
    });

    it('takes a name, which is that of class and method where none was given', async () => {
      await using test = await start();
      expect(await (await test.queue.add('orders.total')(1, 2)).result()).toBe(3);
      const execution = await test.queue.add('Orders.note')('hello');
      expect(await execution.result()).toBe('string');
      expect(test.orders.seen.at(-1)).toBe('hello');
    });

    it.each([
      ['a name that is not declared', 'orders.totl', "No task 'orders.totl' is declared in this process"],
      ['an empty name', '', "No task '' is declared in this process"],
      ['a method without the decorator', Orders.prototype.notDurable, 'is not a durable task'],
      ['a function', () => 1, 'is not a durable task'],
      ['anything else', 7, '7 is not a durable task'],
    ])('refuses %s at once, and names what is declared', async (_what, task, message) => {
      await using test = await start();
      const { queue } = test;
      for (const call of [
        () => queue.add(task as string),
        () => queue.replace(task as string, { key: 'k', when: 0 }),
      ]) {
        expect(call).toThrow(TaskNotRegisteredError);
        expect(call).toThrow(message);
        expect(call).toThrow('Declared: Orders.note, orders.fail, orders.hold, orders.large, orders.total.');
      }
    });

    it('takes the name of a task that other processes declare, when told so', async () => {
      await using test = await start({ worker: false });
      const execution = await test.queue.add('elsewhere', { remote: true, key: 'k' })(1, new Date(0));
      expect(execution.disposition).toBe('scheduled');
      const found = await test.queue.get('k');
      expect([found?.name, found?.args]).toEqual(['elsewhere', [1, new Date(0)]]);
    });

    it('changes nothing while the key is taken, and shows the execution that has it', async () => {
      await using test = await start();
      const { queue, orders } = test;
      const first = await queue.add(orders.hold, { key: 'order:1' })('first');
      const second = await queue.add(orders.hold, { key: 'order:1', priority: 5 })('second');
      expect([first.disposition, second.disposition]).toEqual(['scheduled', 'already-scheduled']);
      expect([second.args, second.priority]).toEqual([['first'], 0]);
      orders.go.pass();
      expect(await second.result()).toBe('held first');
      expect(queue.counts).toMatchObject({ added: 1, alreadyScheduled: 1 });

      const third = await queue.add(orders.hold, { key: 'order:1' })('third');
      expect(third.disposition).toBe('scheduled');
      expect(await third.result()).toBe('held third');
      expect(orders.seen).toEqual(['first', 'third']);
    });

    it('makes keys up where none are given', async () => {
      await using test = await start();
      const executions = await Promise.all([1, 2, 3].map((number) => test.queue.add(test.orders.note)(number)));
      expect(new Set(executions.map(({ key }) => key)).size).toBe(3);
      await Promise.all(executions.map((execution) => execution.result()));
      expect(test.orders.seen.toSorted()).toEqual([1, 2, 3]);
    });

    const LATER: readonly (readonly [what: string, when: () => Date | string | number])[] = [
      ['a Date', () => new Date(Date.now() + HOUR)],
      ['a duration', () => '1h'],
      ['milliseconds', () => HOUR],
    ];

    it.each(LATER)('waits until %s', async (_what, when) => {
      await using test = await start();
      const due = Date.now() + HOUR;
      const execution = await test.queue.add(test.orders.note, { when: when(), key: 'k' })('later');
      expect(execution.state).toBe('scheduled');
      expect(Math.abs(execution.when.getTime() - due)).toBeLessThan(5_000);
      expect((await test.queue.get('k'))?.when).toEqual(execution.when);
      expect((await test.queue.get('k'))?.state).toBe('scheduled');
    });

    it('runs when the time has come, and not before', async () => {
      await using test = await start();
      const when = new Date(Date.now() + 150);
      const execution = await test.queue.add(test.orders.note, { when })('later');
      await execution.result();
      expect(Date.now()).toBeGreaterThanOrEqual(when.getTime());
      expect(Date.now()).toBeLessThan(when.getTime() + 4_000);
    });

    const FAR: readonly (readonly [what: string, when: Date | string | number])[] = [
      ['30 days in milliseconds', 30 * 24 * HOUR],
      ['30 days as text', '30d'],
      ['ten years in milliseconds', 315_576_000_000],
      ['ten years as text', '10y'],
      ['the end of the year 9999', new Date('9999-12-31T23:59:59.999Z')],
      ['the last Date that there is', new Date(8.64e15)],
    ];

    it.each(FAR)('may be as far away as %s, to the millisecond', async (_what, when) => {
      await using test = await start();
      const before = Date.now();
      const execution = await test.queue.add(test.orders.note, { when, key: 'k' })('later');
      const due =
        when instanceof Date ? when.getTime() : before + (typeof when === 'string' ? ms(when as ms.StringValue) : when);
      expect(execution.when.getTime() - due).toBeGreaterThanOrEqual(0);
      expect(execution.when.getTime() - due).toBeLessThan(when instanceof Date ? 1 : 5_000);
      expect(await test.queue.get('k')).toMatchObject({ state: 'scheduled', when: execution.when });
      await execution.refresh();
      expect(execution.when.getTime()).toBe((await test.queue.get('k'))?.when.getTime());
      expect((await test.queue.snapshot()).counts.scheduled).toBe(1);
    });

    const NOW: readonly (readonly [what: string, when: () => Date | string | number])[] = [
      ['a Date in the past', () => new Date(Date.now() - HOUR)],
      ['the beginning of time', () => new Date(0)],
      ['the first Date that there is', () => new Date(-8.64e15)],
      ['zero', () => 0],
      ["'0s'", () => '0s'],
    ];

    it.each(NOW)('runs at once for %s', async (_what, when) => {
      await using test = await start();
      const execution = await test.queue.add(test.orders.note, { when: when() })('now');
      expect(execution.state).toBe('queued');
      expect(await execution.result()).toBe('string');
    });

    it.each([
      ['when', new Date(Number.NaN)],
      ['when', Number.NaN],
      ['when', Number.POSITIVE_INFINITY],
      ['when', -1],
      ['when', 1.8e12], // a moment is a Date
      ['when', 315_576_000_001],
      ['when', '11y'],
      ['when', 2 ** 53],
      ['when', 1e300],
      ['when', '9'.repeat(90)],
      ['when', 'soon'],
      ['when', ''],
      ['when', null],
      ['when', {}],
      ['priority', -1],
      ['priority', 1.5],
      ['priority', 2_097_152],
      ['priority', Number.NaN],
      ['priority', '1'],
      ['priority', null],
      ['key', ''],
      ['key', 7],
      ['key', null],
      ['key', 'k'.repeat(1_025)],
      ['key', '€'.repeat(342)],
    ])('refuses this %s: %p', async (option, value) => {
      await using test = await start({ worker: false });
      const { queue, orders } = test;
      const options = { when: 0, key: 'k', [option]: value };
      for (const adding of [queue.add(orders.note, options)('x'), queue.replace(orders.note, options)('x')]) {
        const error = await adding.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect([TaskArgumentError, TasksConfigError]).toContain((error as Error).constructor);
        expect((error as Error).message).toContain(option);
        expect((error as Error).message).not.toMatch(/kkk|€€/);
        if (option === 'when') expect((error as Error).message).toContain('pass a moment as new Date(…)');
      }
      expect((await queue.snapshot()).total).toBe(0);
    });

    it('takes a key of a kilobyte', async () => {
      await using test = await start();
      for (const key of ['k'.repeat(1_024), '€'.repeat(341)]) {
        const execution = await test.queue.add(test.orders.note, { key })('x');
        expect(await execution.result()).toBe('string');
        expect((await test.queue.get(key))?.key).toBe(key);
      }
    });

    it('takes the highest and the lowest priority, and runs in their order', async () => {
      await using test = await start({ concurrency: 1 });
      const { queue, orders } = test;
      await queue.add(orders.hold)('busy');
      await until(() => orders.seen.length === 1, 'the worker to be busy');
      const last = await queue.add(orders.note, { priority: 2_097_151 })('last');
      await queue.add(orders.note, { priority: 10 })('second');
      await queue.add(orders.note, { priority: 10 })('third');
      const first = await queue.add(orders.note, { priority: 0 })('first');
      expect([first.priority, last.priority]).toEqual([0, 2_097_151]);
      orders.go.pass();
      await last.result();
      expect(orders.seen).toEqual(['busy', 'first', 'second', 'third', 'last']);
    });
  });

  describe('arguments', () => {
    class Money {
      constructor(
        readonly amount: bigint,
        readonly at: Date,
      ) {}
    }
    const loop: { self?: unknown } = {};
    loop.self = loop;

    it.each([
      ['a Date', new Date(1_234_567_890_123)],
      [
        'a Map',
        new Map<unknown, unknown>([
          ['a', 1],
          [{ b: 2 }, new Date(5)],
        ]),
      ],
      ['a Set', new Set<unknown>(['a', { b: 2n }])],
      ['a bigint', 2n ** 80n],
      ['undefined', undefined],
      ['null', null],
      ['numbers that JSON has not', [Number.NaN, Infinity, -Infinity, -0]],
      ['text of all kinds', 'NUL \0, surrogate \ud800, quote ", newline \n, 😀, \u2028'],
      ['a deep object', { a: [{ b: { at: new Date(3), none: undefined, set: new Set([new Date(4)]) } }] }],
      ['keys of all kinds', { 'a.b': { 'c.d': new Date(1) }, 'a\\.b': 2n, '': undefined, $superjson: 1, 0: 0n }],
      ['an array with nothing in places', [undefined, 1, undefined]],
      ['a regular expression', /a+/gi],
      ['a URL', new URL('https://example.com/a?b=c')],
      ['bytes', new Uint8Array([0, 1, 255])],
      ['what JSON can hold', { a: [1, 'two', true, null], b: {} }],
      ['a circle', loop],
    ])('may be %s', async (_what, value) => {
      await using test = await start();
      await (await test.queue.add(test.orders.note)(value)).result();
      expect(test.orders.seen).toStrictEqual([value]);
    });

    it('may be instances of classes, which arrive as plain objects with all that is in them', async () => {
      await using test = await start();
      const order = { price: new Money(5n, new Date(7)), lines: [new Money(6n, new Date(8))] };
      await (await test.queue.add(test.orders.note)(order)).result();
      expect(test.orders.seen).toStrictEqual([
        { price: { amount: 5n, at: new Date(7) }, lines: [{ amount: 6n, at: new Date(8) }] },
      ]);
    });

    it('may be errors', async () => {
      await using test = await start();
      await (await test.queue.add(test.orders.note)({ error: new TypeError('bad', { cause: 'why' }) })).result();
      const [{ error }] = test.orders.seen as [{ error: Error }];
      expect([error.name, error.message, error.cause]).toEqual(['TypeError', 'bad', 'why']);
    });

    it('arrive as copies', async () => {
      await using test = await start();
      const order = { lines: [1] };
      const execution = await test.queue.add(test.orders.note)(order);
      await execution.result();
      order.lines.push(2);
      expect(test.orders.seen).toEqual([{ lines: [1] }]);
      expect(test.orders.seen[0]).not.toBe(order);
      expect(execution.args).toEqual([{ lines: [1] }]);
    });

    it.each([
      ['a function', { callback: () => 1 }, 'args[0].callback', 'a function'],
      ['a symbol', [1, Symbol('s')], 'args[0][1]', 'a symbol'],
      ['a promise', { when: Promise.resolve(1) }, 'args[0].when', 'a value of type Promise'],
      ['a WeakMap', new Map([['cache', new WeakMap()]]), 'args[0].get(…)', 'a value of type WeakMap'],
      ['an instance with functions in it', { service: { log: console.log } }, 'args[0].service.log', 'a function'],
      ['an ArrayBuffer', new ArrayBuffer(2), 'args[0]', 'a value of type ArrayBuffer'],
      ['a key that could change every object', JSON.parse('{"__proto__":{"a":1}}'), 'args[0].__proto__', 'a value of'],
      ['a Date that is none', { at: new Date(Number.NaN) }, 'args[0].at', 'Invalid Date'],
    ])('may not be %s', async (_what, value, path, description) => {
      await using test = await start({ worker: false });
      const error = await test.queue
        .add(test.orders.note)(value)
        .then(
          () => undefined,
          (reason: unknown) => reason as TaskArgumentError,
        );
      expect(error).toBeInstanceOf(TaskArgumentError);
      expect(error).toMatchObject({ code: 'TASK_ARGUMENT', task: 'Orders.note', argument: path });
      expect(error?.message).toContain(`${path} of task Orders.note is ${description}`);
      expect((await test.queue.snapshot()).total).toBe(0);
    });
  });

  describe('replace', () => {
    it('puts another time and other arguments in the place of what is scheduled', async () => {
      await using test = await start();
      const { queue, orders } = test;
      await queue.add(orders.note, { key: 'k', when: '1h' })('old');
      const execution = await queue.replace(orders.note, { key: 'k', when: 0 })('new');
      expect(await execution.result()).toBe('string');
      expect(orders.seen).toEqual(['new']);
      expect(queue.counts.replaced).toBe(1);
    });

    it('runs the last of many', async () => {
      await using test = await start();
      const { queue, orders } = test;
      for (let number = 1; number <= 4; number += 1) {
        await queue.replace(orders.note, { key: 'k', when: '1h' })(number);
      }
      const last = await queue.replace(orders.note, { key: 'k', when: 0 })(5);
      await last.result();
      expect(orders.seen).toEqual([5]);
    });

    it('follows the one that runs, when that has ended', async () => {
      await using test = await start();
      const { queue, orders } = test;
      await queue.add(orders.hold, { key: 'k' })('old');
      await until(() => orders.seen.length === 1, 'the old one to run');
      await queue.replace(orders.note, { key: 'k', when: 0 })('new');
      expect((await queue.get('k'))?.name).toBe('orders.hold');
      orders.go.pass();
      await until(() => orders.seen.length === 2, 'the new one to run');
      expect(orders.seen).toEqual(['old', 'new']);
      await until(async () => (await queue.get('k'))?.state === 'completed', 'the new one to end');
      expect((await queue.get('k'))?.name).toBe('Orders.note');
    });

    it('comes instead of a retry', async () => {
      await using test = await start();
      const { queue, orders } = test;
      await queue.add(orders.fail, { key: 'k' })();
      await until(() => orders.seen.length >= 2, 'the second attempt');
      await queue.replace(orders.note, { key: 'k', when: 0 })('new');
      await until(() => orders.seen.at(-1) === 'new', 'the new one');
      await until(async () => (await queue.get('k'))?.state === 'completed', 'the new one to end');
      expect((await queue.snapshot()).total).toBe(0);
      expect(orders.seen.at(-1)).toBe('new');
    });
  });

  describe('cancel', () => {
    it('ends what waits', async () => {
      await using test = await start();
      const { queue, orders, logs } = test;
      const execution = await queue.add(orders.note, { key: 'k', when: '1h' })('never');
      expect(await queue.cancel('k', 'changed my mind')).toBe('cancelled');
      await expect(execution.result()).rejects.toThrow(ExecutionCancelledError);
      await expect(execution.result()).rejects.toThrow('Execution k was cancelled: changed my mind.');
      expect(execution).toMatchObject({ state: 'cancelled', reason: 'changed my mind' });
      expect(await queue.cancel('k')).toBe('not-found');
      expect(queue.counts.cancelled).toBe(1);
      expect(logs.matching('was cancelled')).toEqual([
        'log Execution Orders.note (k) was cancelled: changed my mind Tasks',
      ]);
    });

    it('aborts the signal of what runs', async () => {
      await using test = await start();
      const { queue, orders } = test;
      const execution = await queue.add(orders.hold, { key: 'k' })('x');
      await until(() => orders.seen.length === 1, 'it to run');
      expect(await execution.cancel('enough')).toBe('signalled');
      await expect(execution.result()).rejects.toThrow(ExecutionCancelledError);
      expect(orders.reasons).toEqual([expect.any(TaskCancelledError)]);
      expect(orders.reasons).toMatchObject([{ reason: 'enough' }]);
      expect(execution).toMatchObject({ state: 'cancelled', reason: 'enough' });
      await expectCounts(queue, { cancelled: 1, failed: 0, completed: 0 });
    });

    it('ends what waits for another attempt', async () => {
      await using test = await start();
      const { queue, orders } = test;
      const execution = await queue.add(orders.fail, { key: 'k' })();
      await until(() => orders.seen.length >= 3, 'some attempts');
      expect(['cancelled', 'signalled']).toContain(await queue.cancel('k'));
      await expect(execution.result()).rejects.toThrow(ExecutionCancelledError);
      const attempts = orders.seen.length;
      await queue.runUntilFinished();
      expect(orders.seen).toHaveLength(attempts);
    });

    it.each([7, null, 'r'.repeat(1_025), '€'.repeat(342)])('refuses this reason: %p', async (reason) => {
      await using test = await start({ worker: false });
      const execution = await test.queue.add(test.orders.note, { key: 'k' })('x');
      for (const cancel of [() => test.queue.cancel('k', reason as string), () => execution.cancel(reason as string)]) {
        await expect(cancel()).rejects.toThrow(TaskArgumentError);
        await expect(cancel()).rejects.not.toThrow(/rrr|€€/);
      }
      expect((await execution.refresh()).state).toBe('queued');
    });

    it('finds nothing under a key that nobody has', async () => {
      await using test = await start();
      expect(await test.queue.cancel('nobody')).toBe('not-found');
      expect(await test.queue.get('nobody')).toBeUndefined();
    });

    it.each(['', 7, undefined, null])('needs a key, as get() does: %p', async (key) => {
      await using test = await start({ worker: false });
      await expect((async () => test.queue.cancel(key as string))()).rejects.toThrow(TaskArgumentError);
      await expect((async () => test.queue.get(key as string))()).rejects.toThrow(TaskArgumentError);
    });
  });

  it.each(['delayed', 'completed', 'events', 'id', 'stalled-check', 'wait', 'meta', '\0', '\ud800', '__proto__', '0'])(
    'takes the key %j for one like any other',
    async (key) => {
      await using test = await start();
      const { queue, orders } = test;
      await (await queue.add(orders.note, { key: 'before' })('x')).result(); // BullMQ has its own keys by now
      expect(await queue.get(key)).toBeUndefined();
      expect(await queue.cancel(key)).toBe('not-found');
      expect(await (await queue.add(orders.note, { key })('x')).result()).toBe('string');
      expect((await queue.get(key))?.state).toBe('completed');
      expect(await queue.cancel(key)).toBe('not-found');
      const execution = await queue.replace(orders.note, { key, when: '1h' })('x');
      expect(await execution.cancel()).toBe('cancelled');
    },
  );

  it('reads the arguments of what it lists alone', async () => {
    await using test = await start({ worker: false });
    const { queue, orders, broker } = test;
    await queue.add(orders.note, { key: 'k', when: '1h' })('x'.repeat(100_000));
    const { records, counts } = await broker.executions.list(0);
    expect([records, counts.scheduled]).toEqual([[], 1]);
    expect((await queue.snapshot()).executions.map(({ args }) => args)).toEqual([['x'.repeat(100_000)]]);
  });

  it('has limits to the size of arguments and results', async () => {
    await using test = await start({ maxArgumentSize: '1kb' });
    const { queue, orders } = test;
    const adding = queue.add(orders.note, { key: 'k' })({ text: 'x'.repeat(1_100) });
    await expect(adding).rejects.toThrow(TaskArgumentError);
    await expect(adding).rejects.toThrow('args[0] of task Orders.note is too large. Allowed: up to 1,024 bytes in all');
    await expect(adding).rejects.not.toThrow('xxx');
    expect(await queue.get('k')).toBeUndefined();
    const execution = await queue.add(orders.large)(2_000);
    await expect(execution.result()).rejects.toThrow(TaskResultError);
    await expect(execution.result()).rejects.toThrow('result is too large. Allowed: up to 1,024 bytes in all');
    expect(execution.state).toBe('completed');
  });

  describe('get', () => {
    it('finds what waits, runs and has ended', async () => {
      await using test = await start();
      const { queue, orders } = test;
      await queue.add(orders.hold, { key: 'k' })('x');
      await until(async () => (await queue.get('k'))?.state === 'running', 'it to run');
      const found = await queue.get('k');
      expect(found).toMatchObject({ key: 'k', name: 'orders.hold', attempt: 1, disposition: undefined });
      expect(found?.worker).toEqual(expect.any(String));
      orders.go.pass();
      expect(await found?.result()).toBe('held x');
      expect(await (await queue.get('k'))?.result()).toBe('held x');
    });
  });

  describe('snapshot', () => {
    it('tells what there is, and who is there', async () => {
      await using test = await start({ concurrency: 3 });
      const { queue, orders } = test;
      await queue.add(orders.hold, { key: 'running' })('x');
      await queue.add(orders.note, { key: 'scheduled', when: '1h' })('y');
      await (await queue.add(orders.note)('ended')).result();
      await until(async () => (await queue.snapshot()).counts.running === 1, 'one to run');
      const snapshot = await queue.snapshot();
      expect(snapshot.total).toBe(2);
      expect(snapshot.counts).toEqual({ scheduled: 1, queued: 0, parked: 0, running: 1, retrying: 0 });
      expect(snapshot.executions.map(({ key }) => key).toSorted()).toEqual(['running', 'scheduled']);
      expect(Math.abs(snapshot.taken.getTime() - Date.now())).toBeLessThan(5_000);
      expect(snapshot.workers).toEqual([
        expect.objectContaining({
          pid: process.pid,
          concurrency: 3,
          running: 1,
          tasks: expect.arrayContaining(['orders.total', 'Orders.note']),
          startedAt: expect.any(Date),
          seenAt: expect.any(Date),
        }),
      ]);
      expect((await queue.snapshot({ limit: 1 })).executions).toHaveLength(1);
      expect((await queue.snapshot({ limit: 0 })).total).toBe(2);
      expect(await queue.workers()).toHaveLength(1);
      orders.go.pass();
    });

    it('shows no worker where none was started', async () => {
      await using test = await start({ worker: false });
      expect(await test.queue.workers()).toEqual([]);
    });
  });

  describe('clear', () => {
    it('cancels all that does not run, and frees the keys', async () => {
      await using test = await start({ concurrency: 1 });
      const { queue, orders, logs } = test;
      const held = await queue.add(orders.hold, { key: 'held' })('x');
      await until(() => orders.seen.length === 1, 'it to run');
      const waiting = await queue.add(orders.note, { key: 'waiting' })('never');
      await queue.add(orders.note, { key: 'scheduled', when: '1h' })('never');
      expect(await queue.clear()).toBe(2);
      await expect(waiting.result()).rejects.toThrow('Execution waiting was cancelled: queue.clear() was called');
      const again = await queue.add(orders.note, { key: 'waiting' })('again');
      expect(again.disposition).toBe('scheduled');
      orders.go.pass();
      expect(await held.result()).toBe('held x');
      expect(await again.result()).toBe('string');
      expect(orders.seen).toEqual(['x', 'again']);
      expect(logs.matching('Cleared')).toEqual(['log Cleared 2 executions from the queue Tasks']);
      expect(await queue.clear()).toBe(0);
    });
  });

  describe('runUntilFinished', () => {
    it('runs a worker where there is none, until all has ended', async () => {
      await using test = await start({ worker: false });
      const { queue, orders } = test;
      const executions = await Promise.all(
        Array.from({ length: 30 }, (_, number) => queue.add(orders.total)(number, number)),
      );
      await queue.add(orders.note, { when: 100 })('later');
      await queue.add(orders.fail)(3);
      expect(orders.seen).toEqual([]);
      await queue.runUntilFinished();
      expect(orders.seen).toHaveLength(30 + 1 + 3);
      expect(await executions[7]?.result()).toBe(14);
      expect((await queue.snapshot()).total).toBe(0);
    });

    it('waits for what takes the place of a running one', async () => {
      await using test = await start();
      const { queue, orders } = test;
      await queue.add(orders.hold, { key: 'k' })('old');
      await until(() => orders.seen.length === 1, 'the old one to run');
      await queue.replace(orders.note, { key: 'k', when: 0 })('new');
      const finished = queue.runUntilFinished();
      orders.go.pass();
      await finished;
      expect(orders.seen).toEqual(['old', 'new']);
    });

    it('is done at once where there is nothing', async () => {
      await using test = await start({ worker: false });
      await test.queue.runUntilFinished();
      expect(test.queue.counts.started).toBe(0);
    });

    it('runs again what is added later', async () => {
      await using test = await start({ worker: false });
      await test.queue.runUntilFinished();
      expect(await (await test.queue.add(test.orders.total)(1, 1)).result()).toBe(2);
    });
  });

  describe('runAtMost', () => {
    it('cancels the executions of a key when they have had their number of runs', async () => {
      await using test = await start({ worker: false });
      const { queue, orders } = test;
      const endless = await queue.add(orders.fail, { key: 'endless' })();
      const other = await queue.add(orders.fail, { key: 'other' })(5);
      await queue.runAtMost({ endless: 3, unknown: 1 });
      await expect(endless.result()).rejects.toThrow(ExecutionCancelledError);
      expect(endless.reason).toContain('(3 starts)');
      expect(await other.result()).toBe(5);
      expect(orders.seen).toHaveLength(3 + 5);
    });

    it('counts the runs since the execution was added', async () => {
      await using test = await start();
      const { queue, orders } = test;
      await queue.add(orders.fail, { key: 'k' })();
      await until(() => orders.seen.length >= 4, 'some runs');
      await queue.runAtMost({ k: 2 });
      const runs = orders.seen.length;
      await sleep(20);
      expect(orders.seen).toHaveLength(runs);
      expect(runs).toBeLessThan(20);
    });

    it('runs nothing of a key for 0', async () => {
      await using test = await start({ worker: false });
      const { queue, orders } = test;
      const execution = await queue.add(orders.note, { key: 'k' })('never');
      await queue.add(orders.note)('the other');
      await queue.runAtMost({ k: 0 });
      await expect(execution.result()).rejects.toThrow(ExecutionCancelledError);
      expect(orders.seen).toEqual(['the other']);
    });

    it('is over when it has returned', async () => {
      await using test = await start({ worker: false });
      const { queue, orders } = test;
      await queue.add(orders.fail, { key: 'k' })();
      await queue.runAtMost({ k: 1 });
      const again = await queue.add(orders.fail, { key: 'k' })(3);
      await queue.runUntilFinished();
      expect(await again.result()).toBe(3);
    });

    it.each([-1, 1.5, Number.NaN, '2', null])('takes whole numbers only: %p', async (limit) => {
      await using test = await start({ worker: false });
      await expect(test.queue.runAtMost({ k: limit as number })).rejects.toThrow(TaskArgumentError);
    });
  });
});
