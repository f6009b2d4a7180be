import net from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  BrokerUnavailableError,
  Durable,
  ExecutionCancelledError,
  ExecutionDroppedError,
  ExecutionNotFoundError,
  ResultTimeoutError,
  TaskContext,
  TaskResultError,
  TasksConfigError,
  TasksError,
  type ExecutionEvent,
} from 'nestjs-tasks';
import { lastValueFrom, tap, toArray } from 'rxjs';
import { Gate } from '../../support/app.js';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { expectCounts } from '../../support/expect-soon.js';
import { startQueue, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

class PaymentError extends Error {
  readonly code = 'E_DECLINED';
  override name = 'PaymentError';
}

@Injectable()
class Reports {
  readonly go = new Gate();
  isHeld = false;

  constructor(private readonly context: TaskContext) {}

  @Durable('reports.build')
  build(value: unknown): unknown {
    return value;
  }

  @Durable('reports.hold')
  async hold(value: unknown): Promise<unknown> {
    this.isHeld = true;
    await this.go.passed;
    return value;
  }

  @Durable('reports.socket')
  socket(): { socket: net.Socket } {
    return { socket: new net.Socket() };
  }

  @Durable('reports.fail')
  fail(kind: string): never {
    if (kind === 'text') throw 'just text';
    throw new PaymentError('declined', { cause: new TypeError('no money', { cause: 'empty' }) });
  }

  @Durable('reports.flaky', { retry: { attempts: 3, delay: 300, backoff: 'fixed' } })
  flaky(): number {
    if (this.context.attempt < 3) throw new Error(`attempt ${this.context.attempt}`);
    return this.context.attempt;
  }
}

describe.each(BROKERS)('Execution: $label', (kind) => {
  const space = brokerSpace(kind);

  async function start(options?: QueueContextOptions) {
    const test = await startQueue(space, { providers: [Reports] }, options);
    return { ...test, reports: test.context.get(Reports) };
  }

  describe('result()', () => {
    it.each([
      ['undefined', undefined],
      ['null', null],
      ['text', 'NUL \0, surrogate \ud800, 😀'],
      ['what JSON has not', { at: new Date(5), sum: 5n, tags: new Set(['a']), by: new Map([[1, undefined]]) }],
      ['an object that looks like an envelope', { $superjson: { json: 1 } }],
    ])('gives back %s', async (_what, value) => {
      await using test = await start();
      const execution = await test.queue.add(test.reports.build)(value);
      expect(await execution.result()).toStrictEqual(value);
    });

    it('gives it again, to this handle and to others, also at the same time', async () => {
      await using test = await start();
      const { queue, reports } = test;
      const execution = await queue.add(reports.hold, { key: 'k' })(new Date(7));
      const other = await queue.get('k');
      const asked = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? execution : other)?.result());
      reports.go.pass();
      expect(await Promise.all(asked)).toEqual(Array.from({ length: 50 }, () => new Date(7)));
      expect(await execution.result()).toEqual(new Date(7));
      expect([execution.state, other?.state]).toEqual(['completed', 'completed']);
    });

    it('hears of an end that comes while it subscribes', async () => {
      await using test = await start();
      const { queue, reports, broker } = test;
      const execution = await queue.add(reports.hold, { key: 'k' })('done');
      await until(() => reports.isHeld, 'it to run');
      const subscribe = broker.signals.subscribe.bind(broker.signals);
      jest.spyOn(broker.signals, 'subscribe').mockImplementation(async (listener) => {
        reports.go.pass();
        await until(async () => (await broker.executions.get('k'))?.state === 'completed', 'it to end');
        return subscribe(listener);
      });
      expect(await execution.result({ timeout: '10s' })).toBe('done');
    });

    it('hears of an end that comes right after its first look', async () => {
      await using test = await start();
      const { queue, reports, broker } = test;
      const execution = await queue.add(reports.hold, { key: 'k' })('done');
      await until(() => reports.isHeld, 'it to run');
      const find = broker.executions.find.bind(broker.executions);
      let looks = 0;
      jest.spyOn(broker.executions, 'find').mockImplementation(async (id, key) => {
        const status = await find(id, key);
        if (++looks > 1) return status;
        reports.go.pass();
        await until(async () => (await find(id, key))?.state === 'completed', 'it to end');
        return status;
      });
      expect(await execution.result({ timeout: '10s' })).toBe('done');
    });

    it('rejects with the error, by name, message, code and causes', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.reports.fail)('error');
      const error = await execution.result().then(
        () => undefined,
        (reason: unknown) => reason as Error & { code?: string },
      );
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(PaymentError); // it may have been thrown in another process
      expect([error?.name, error?.message, error?.code]).toEqual(['PaymentError', 'declined', 'E_DECLINED']);
      expect(error?.stack).toContain('Reports.fail');
      const cause = error?.cause as Error;
      expect([cause.name, cause.message]).toEqual(['TypeError', 'no money']);
      expect((cause.cause as Error).message).toBe("'empty' was thrown");
      expect([execution.state, execution.error?.message]).toEqual(['failed', 'declined']);
    });

    it('rejects with what was thrown that is no error', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.reports.fail)('text');
      await expect(execution.result()).rejects.toThrow("'just text' was thrown");
    });

    it('rejects when the result cannot be stored; the run is completed all the same', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.reports.socket)();
      const result = execution.result();
      await expect(result).rejects.toThrow(TaskResultError);
      await expect(result).rejects.toThrow(/The result of task reports.socket cannot be stored: result\.socket\./);
      expect(execution.state).toBe('completed');
      await expectCounts(test.queue, { completed: 1, failed: 0 });
    });

    it('rejects after its timeout, and the execution goes on', async () => {
      await using test = await start();
      const { queue, reports } = test;
      const execution = await queue.add(reports.hold, { key: 'k' })('late');
      await until(() => reports.isHeld, 'it to run');
      const failure = execution.result({ timeout: 30 });
      await expect(failure).rejects.toThrow(ResultTimeoutError);
      await expect(failure).rejects.toThrow(/No result for execution k after 30ms \(state: /);
      await expect(execution.result({ timeout: 'soon' })).rejects.toThrow(TasksConfigError);
      reports.go.pass();
      expect(await execution.result({ timeout: '10s' })).toBe('late');
    });

    it('rejects when it was cancelled', async () => {
      await using test = await start({ worker: false });
      const execution = await test.queue.add(test.reports.build, { key: 'k' })(1);
      const result = execution.result();
      await execution.cancel('no more');
      await expect(result).rejects.toThrow(ExecutionCancelledError);
      await expect(result).rejects.toMatchObject({ code: 'EXECUTION_CANCELLED', key: 'k', reason: 'no more' });
    });

    it('rejects when a rule has dropped it', async () => {
      await using test = await start({ worker: false });
      const execution = await test.queue.add(test.reports.build, { key: 'k' })(1);
      const claim = await test.broker.runs.claim();
      if (claim === undefined) throw new Error('There is nothing to claim');
      await test.broker.runs.settle(claim, { type: 'drop', reason: 'struck' }, false);
      const result = execution.result();
      await expect(result).rejects.toThrow(ExecutionDroppedError);
      await expect(result).rejects.toMatchObject({ code: 'EXECUTION_DROPPED', key: 'k', reason: 'struck' });
      expect(execution).toMatchObject({ state: 'dropped', reason: 'struck' });
    });

    it('rejects when the application closes before', async () => {
      const test = await start();
      const execution = await test.queue.add(test.reports.build, { when: '1h' })('x');
      const result = execution.result().catch((error: unknown) => error);
      const events: ExecutionEvent[] = [];
      const states = lastValueFrom(
        execution.events$.pipe(
          tap((event) => events.push(event)),
          toArray(),
        ),
      );
      await until(() => events.length > 0, 'a look');
      await test[Symbol.asyncDispose]();
      expect(await result).toBeInstanceOf(BrokerUnavailableError);
      expect(await states).toMatchObject([{ state: 'scheduled' }]);
      await expect(execution.result()).rejects.toThrow(BrokerUnavailableError);
      expect(await lastValueFrom(execution.events$.pipe(toArray()))).toEqual([]);
    });

    it('is there for ten seconds where nothing is kept, and is then forgotten', async () => {
      await using test = await start({ retention: 0 });
      const { queue, reports } = test;
      const execution = await queue.add(reports.hold, { key: 'k' })('awaited');
      const awaited = execution.result();
      await until(() => reports.isHeld, 'it to run');
      reports.go.pass();
      expect(await awaited).toBe('awaited');
      expect(await queue.get('k')).toBeUndefined();
      expect(await execution.result()).toBe('awaited');
      const late = await queue.add(reports.build, { key: 'k' })('asked later');
      await until(async () => (await late.refresh()).state === 'completed', 'the other to end');
      expect(await late.result()).toBe('asked later');
      const seen = await until(
        () =>
          late
            .refresh()
            .catch((error: unknown) => error as Error)
            .then((found) => found !== late && found),
        'it to be forgotten',
        25_000,
      );
      expect(seen).toBeInstanceOf(ExecutionNotFoundError);
      await expect(late.result()).rejects.toThrow('The queue knows no execution k');
      expect(await lastValueFrom(late.events$.pipe(toArray()))).toEqual([]);
    }, 60_000);
  });

  describe('of a key that was used again', () => {
    it('speaks of its own execution alone', async () => {
      await using test = await start();
      const { queue, reports } = test;
      const first = await queue.add(reports.build, { key: 'k' })('first');
      await first.result();
      const second = await queue.add(reports.hold, { key: 'k' })('second');
      expect(second.id).not.toBe(first.id);
      expect(await first.result()).toBe('first');
      expect(await lastValueFrom(first.events$.pipe(toArray()))).toMatchObject([{ state: 'completed' }]);
      expect(await first.refresh()).toMatchObject({ name: 'reports.build', state: 'completed', args: ['first'] });
      expect(await first.cancel()).toBe('not-found');
      expect(['queued', 'running']).toContain((await second.refresh()).state);
      const found = await queue.get('k');
      expect([found?.id, found?.args]).toEqual([second.id, ['second']]);
      reports.go.pass();
      expect(await second.result()).toBe('second');
      expect(await found?.result()).toBe('second');
    });

    it('was cancelled when it was replaced, and the new one has a handle of its own', async () => {
      await using test = await start();
      const { queue, reports } = test;
      const first = await queue.add(reports.build, { key: 'k', when: '1h' })('first');
      const result = first.result().catch((error: unknown) => error);
      const second = await queue.replace(reports.hold, { key: 'k', when: 0 })('second');
      expect(await result).toBeInstanceOf(ExecutionCancelledError);
      expect(first).toMatchObject({ state: 'cancelled', reason: 'queue.replace() was called' });
      await until(() => reports.isHeld, 'the second to run');

      const third = await queue.replace(reports.build, { key: 'k', when: 0 })('third');
      const fourth = await queue.replace(reports.build, { key: 'k', when: 0 })('fourth');
      expect(new Set([first, second, third, fourth].map(({ id }) => id)).size).toBe(4);
      await expect(third.result()).rejects.toThrow('Execution k was cancelled: queue.replace() was called.');
      expect(await fourth.refresh()).toMatchObject({ state: 'parked', args: ['fourth'] });
      expect((await second.refresh()).state).toBe('running');
      reports.go.pass();
      expect(await second.result()).toBe('second');
      expect(await fourth.result()).toBe('fourth');
      expect(await first.cancel()).toBe('not-found');
    });

    it('cancels what is to follow a run, and not the run', async () => {
      await using test = await start();
      const { queue, reports } = test;
      const first = await queue.add(reports.hold, { key: 'k' })('first');
      await until(() => reports.isHeld, 'it to run');
      const second = await queue.replace(reports.build, { key: 'k', when: 0 })('second');
      expect(await second.cancel('changed my mind')).toBe('cancelled');
      await expect(second.result()).rejects.toThrow('Execution k was cancelled: changed my mind.');
      reports.go.pass();
      expect(await first.result()).toBe('first');
      expect((await queue.snapshot()).total).toBe(0);
    });
  });

  describe('events$', () => {
    it('tells each state that it is seen in, until it has ended', async () => {
      await using test = await start();
      const { queue, reports } = test;
      const events: ExecutionEvent[] = [];
      const execution = await queue.add(reports.hold, { key: 'k', when: 2_000 })('x');
      const ended = lastValueFrom(execution.events$.pipe(toArray()));
      execution.events$.subscribe((event) => events.push(event));
      await until(() => events.some(({ state }) => state === 'running'), 'it to be seen running');
      reports.go.pass();
      const states = (await ended).map(({ state }) => state);
      expect(states[0]).toBe('scheduled');
      expect(states.slice(-2)).toEqual(['running', 'completed']);
      await until(() => events.at(-1)?.state === 'completed', 'the other subscriber to see the end');
      expect(events.at(-1)).toEqual({
        key: 'k',
        name: 'reports.hold',
        state: 'completed',
        attempt: 1,
        when: execution.when,
      });
      expect(execution.state).toBe('completed');
    });

    it('tells of attempts', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.reports.flaky)();
      const events = await lastValueFrom(execution.events$.pipe(toArray()));
      const seen = events.map(({ state, attempt }) => `${state} ${attempt}`);
      expect(seen).toEqual(expect.arrayContaining(['retrying 2', 'retrying 3', 'completed 3']));
      expect(seen.at(-1)).toBe('completed 3');
    });

    it('tells at once, and the reason, when it has ended before', async () => {
      await using test = await start({ worker: false });
      const execution = await test.queue.add(test.reports.build)(1);
      await execution.cancel('no more');
      const events = await lastValueFrom(execution.events$.pipe(toArray()));
      expect(events).toMatchObject([{ state: 'cancelled', reason: 'no more' }]);
    });

    it('ends no process without a handler for errors', async () => {
      await using test = await start({ worker: false });
      const { queue, reports, broker } = test;
      const execution = await queue.add(reports.build, { key: 'k', when: '1h' })(1);
      const uncaught = jest.fn();
      process.on('uncaughtException', uncaught);
      jest.spyOn(broker.executions, 'find').mockResolvedValueOnce(undefined);
      let isComplete = false;
      execution.events$.subscribe({ complete: () => (isComplete = true) });
      await until(() => isComplete, 'its end');
      execution.events$.subscribe();
      await test[Symbol.asyncDispose]();
      await new Promise((resolve) => setTimeout(resolve, 0)); // RxJS reports what nobody handles in a timer
      process.off('uncaughtException', uncaught);
      expect(uncaught).not.toHaveBeenCalled();
    });

    it('can be left', async () => {
      await using test = await start();
      const { queue, reports } = test;
      const execution = await queue.add(reports.hold)('x');
      const events: ExecutionEvent[] = [];
      execution.events$.subscribe((event) => events.push(event)).unsubscribe();
      reports.go.pass();
      await execution.result();
      expect(events).toEqual([]);
    });
  });

  it('is as it was last seen, and looks again when asked to', async () => {
    await using test = await start();
    const { queue, reports } = test;
    const execution = await queue.add(reports.hold, { key: 'k' })('x');
    expect([execution.state, execution.worker, execution.error]).toEqual(['queued', undefined, undefined]);
    await until(() => reports.isHeld, 'it to run');
    expect(execution.state).toBe('queued');
    expect(await execution.refresh()).toBe(execution);
    expect(execution.state).toBe('running');
    expect(execution.worker).toEqual(expect.any(String));
    reports.go.pass();
    await execution.result();
  });

  it('answers without its arguments when a handler returns it', async () => {
    await using test = await start({ worker: false });
    const execution = await test.queue.add(test.reports.build, { key: 'k', when: '1h' })('secret');
    expect(JSON.parse(JSON.stringify(execution))).toEqual({
      key: 'k',
      name: 'reports.build',
      state: 'scheduled',
      attempt: 1,
      when: execution.when.toISOString(),
      disposition: 'scheduled',
    });
  });

  it('fails with errors of this library, which have a code', async () => {
    await using test = await start({ worker: false });
    const execution = await test.queue.add(test.reports.build)(1);
    await expect(execution.result({ timeout: 1 })).rejects.toBeInstanceOf(TasksError);
    await expect(execution.result({ timeout: 1 })).rejects.toMatchObject({ code: 'RESULT_TIMEOUT', timeout: 1 });
  });
});

// A loop, since describe.each() takes no empty table.
for (const kind of SHARED_BROKERS) {
  describe(`Execution: ${kind.label}, in another process than its worker`, () => {
    const space = brokerSpace(kind);

    it('tells states, gives its result, and can be cancelled', async () => {
      await using worker = await startQueue(space, { providers: [Reports] });
      await using test = await startQueue(space, { providers: [Reports] }, { fleet: worker.fleet, worker: false });
      const [there, here] = [worker.context.get(Reports), test.context.get(Reports)];
      const execution = await test.queue.add(here.hold, { key: 'k' })(new Date(9));
      const events: ExecutionEvent[] = [];
      execution.events$.subscribe((event) => events.push(event));
      await until(() => events.some(({ state }) => state === 'running'), 'it to be seen running');
      expect([there.isHeld, here.isHeld]).toEqual([true, false]);
      there.go.pass();
      expect(await execution.result()).toEqual(new Date(9));
      await until(() => events.at(-1)?.state === 'completed', 'it to be seen completed');
      expect(await (await worker.queue.get('k'))?.result()).toEqual(new Date(9));
    });

    it('waits for the end of an outage, also where nothing was seen yet, while result() says so', async () => {
      await using test = await startQueue(space, { providers: [Reports] });
      const { queue, broker } = test;
      const reports = test.context.get(Reports);
      const execution = await queue.add(reports.hold, { key: 'k' })('x');
      await until(() => reports.isHeld, 'it to run');
      const down = new BrokerUnavailableError('The broker', 'it is down');
      const looks = jest.spyOn(broker.executions, 'find').mockRejectedValue(down);
      const subscribe = broker.signals.subscribe.bind(broker.signals);
      const hears = jest.spyOn(broker.signals, 'subscribe').mockRejectedValueOnce(down);
      const events: ExecutionEvent[] = [];
      let isComplete = false;
      execution.events$.subscribe({ next: (event) => events.push(event), complete: () => (isComplete = true) });
      await expect(execution.result()).rejects.toBe(down);
      looks.mockRestore();
      hears.mockImplementation(subscribe);
      await until(() => events.length > 0, 'the first look that succeeds');
      reports.go.pass();
      await until(() => isComplete, 'its end');
      expect(events.map(({ state }) => state)).toEqual(['running', 'completed']);
    });
  });
}
