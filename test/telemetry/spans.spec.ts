import { Injectable, Logger } from '@nestjs/common';
import { context, diag, propagation, SpanKind, SpanStatusCode, trace, type Context } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { currentTask, Durable, TaskQueue, type Task, type TaskScheduler } from 'nestjs-tasks';
import { TaskRunner } from '../../lib/scheduler/task-runner.js';
import { Gate } from '../support/app.js';
import { startContext, type TestContext } from '../support/context.js';
import { headers, inSpan, Sdk } from './sdk.js';

let sdk: Sdk;
let test: TestContext;
let scheduler: TaskScheduler;

beforeEach(async () => {
  sdk = new Sdk();
  test = await startContext({ shutdown: { gracePeriod: 20 } });
  scheduler = test.scheduler;
});
afterEach(async () => {
  await test.context.close();
  sdk[Symbol.dispose]();
});

const bad = (): never => {
  throw new Error('bad');
};

const untilAborted = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    const { signal } = currentTask();
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

const eventsOf = (span: ReadableSpan): string[] => span.events.map(({ name }) => name);

describe('the span of a task', () => {
  it('tells what the task is, and never its arguments', async () => {
    function send(_to: string): void {}
    scheduler.task({ name: 'mail_17', shield: true }).schedule(send, 'secret@example.org');
    await scheduler.idle();
    const span = await sdk.onlySpan();
    expect(span).toMatchObject({ name: 'immediate send', kind: SpanKind.INTERNAL, links: [] });
    expect(span.instrumentationScope).toMatchObject({ name: 'nestjs-tasks', version: expect.stringMatching(/^\d/) });
    expect(span.attributes).toEqual({
      'task.id': expect.stringMatching(/^\d+$/),
      'task.name': 'mail_17',
      'task.function': 'send',
      'task.timing': 'immediate',
      'task.pool': 'default',
      'task.shielded': true,
      'task.attempt': 1,
      'task.status': 'succeeded',
      'task.reason': 'returned',
    });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('has ended when whoever has awaited the end of the task goes on', async () => {
    const gate = new Gate();
    const stopped = scheduler.schedule(untilAborted);
    const tasks = [
      scheduler.schedule(() => 'fine'),
      scheduler.schedule(bad),
      scheduler.task({ onError: () => gate.passed }).schedule(bad),
      scheduler.task({ timeout: 5 }).schedule(untilAborted),
      stopped,
    ];
    const counted = tasks.map(async (task) => {
      await task.done;
      return sdk.exporter.getFinishedSpans().filter(({ attributes }) => attributes['task.id'] === task.id).length;
    });
    await stopped.started;
    stopped.cancel();
    gate.pass();
    expect(await Promise.all(counted)).toEqual([1, 1, 1, 1, 1]);
  });

  it('begins a trace of its own, which links to the span in which it was scheduled', async () => {
    const { traceId, spanId } = inSpan('request', (request) => {
      scheduler.schedule(() => {});
      return request.spanContext();
    });
    await scheduler.idle();
    const span = await sdk.onlySpan();
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.spanContext().traceId).not.toBe(traceId);
    expect(span.links.map((link) => link.context)).toMatchObject([{ traceId, spanId }]);
  });

  it('links to the span of the task that has scheduled it', async () => {
    scheduler.schedule(function outer() {
      scheduler.schedule(function inner() {});
    });
    await scheduler.idle();
    const [outer, inner] = await sdk.taskSpans();
    expect([outer?.name, inner?.name]).toEqual(['immediate outer', 'immediate inner']);
    expect(inner?.links.map((link) => link.context.spanId)).toEqual([outer?.spanContext().spanId]);
    expect(inner?.spanContext().traceId).not.toBe(outer?.spanContext().traceId);
  });

  it('is active in the function, its onError and its retries, with the baggage of where it was scheduled', async () => {
    const seen: Record<string, string>[] = [];
    const work = async (): Promise<void> => {
      await null;
      seen.push(headers());
      throw new Error('bad');
    };
    const onError = async (task: Task): Promise<void> => {
      seen.push(headers());
      await task.retry().catch(() => {});
      seen.push(headers());
    };
    const baggage = propagation.createBaggage({ tenant: { value: 'acme' } });
    context.with(propagation.setBaggage(context.active(), baggage), () =>
      inSpan('request', () => scheduler.task({ onError }).schedule(work)),
    );
    await scheduler.idle();
    const { traceId, spanId } = (await sdk.onlySpan()).spanContext();
    const expected = { traceparent: `00-${traceId}-${spanId}-01`, baggage: 'tenant=acme' };
    expect(seen).toEqual([expected, expected, expected, expected]);
  });

  it('is there in what is logged of its failure', async () => {
    const ids: unknown[] = [];
    jest
      .spyOn(Logger.prototype, 'error')
      .mockImplementation(() => ids.push(trace.getActiveSpan()?.spanContext().spanId));
    scheduler.schedule(bad);
    await scheduler.idle();
    jest.restoreAllMocks();
    expect(ids).toEqual([(await sdk.onlySpan()).spanContext().spanId]);
  });

  it('carries on what else is in the context', async () => {
    const key = Symbol('key');
    let found: Context | undefined;
    context.with(context.active().setValue(key, 'value'), () =>
      scheduler.schedule(() => {
        found = context.active();
      }),
    );
    await scheduler.idle();
    expect(found?.getValue(key)).toBe('value');
  });
});

describe('exactly one span, of a task that', () => {
  it('has failed: with the error', async () => {
    scheduler.schedule(bad);
    await scheduler.idle();
    const span = await sdk.onlySpan();
    expect(span.attributes).toMatchObject({ 'task.status': 'failed', 'task.reason': 'threw' });
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'bad' });
    expect(span.events).toMatchObject([{ name: 'exception', attributes: { 'exception.message': 'bad' } }]);
  });

  it('has failed with something that is no error', async () => {
    scheduler.schedule(() => Promise.reject('just text')); // oxlint-disable-line prefer-promise-reject-errors
    await scheduler.idle();
    const span = await sdk.onlySpan();
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: "'just text' was thrown" });
    expect(span.events[0]?.attributes).toEqual({ 'exception.message': "'just text' was thrown" });
  });

  it('has failed: it ends when its onError has', async () => {
    const [entered, gate] = [new Gate(), new Gate()];
    const onError = (): Promise<void> => {
      entered.pass();
      return gate.passed;
    };
    const task = scheduler.task({ onError }).schedule(bad);
    await entered.passed;
    expect(await sdk.taskSpans()).toEqual([]);
    gate.pass();
    await task.done;
    expect((await sdk.onlySpan()).attributes).toMatchObject({ 'task.status': 'failed' });
  });

  it('was retried in its onError: what has become of it are events', async () => {
    let calls = 0;
    const flaky = (): void => {
      calls += 1;
      if (calls < 3) throw new Error(`bad ${calls}`);
    };
    const onError = async (task: Task): Promise<void> => {
      await task.retry().catch(() => task.retry());
    };
    scheduler.task({ onError }).schedule(flaky);
    await scheduler.idle();
    const span = await sdk.onlySpan();
    expect(eventsOf(span)).toEqual(['exception', 'retried', 'retryFailed', 'exception', 'retried', 'retrySucceeded']);
    expect(span.events[4]?.attributes).toEqual({ 'task.attempt': 3 });
    expect(span.attributes).toMatchObject({ 'task.status': 'failed', 'task.attempt': 3 });
  });

  it('was retried after its end, within its trace', async () => {
    const traces: unknown[] = [];
    const task = scheduler.schedule(() => traces.push(trace.getActiveSpan()?.spanContext().traceId));
    await task.done;
    await task.retry();
    await scheduler.idle();
    const { traceId } = (await sdk.onlySpan()).spanContext();
    expect(traces).toEqual([traceId, traceId]);
  });

  it('ran out of time, and whose function ends late', async () => {
    const late = new Gate();
    const task = scheduler.task({ timeout: 5 }).schedule(() => late.passed);
    await task.done;
    late.pass();
    await late.passed;
    const span = await sdk.onlySpan();
    expect(span.attributes).toMatchObject({ 'task.status': 'failed', 'task.reason': 'timeout' });
    expect(span.status.code).toBe(SpanStatusCode.ERROR);
    expect(eventsOf(span)).toEqual(['exception']);
  });

  it('was cancelled before its start', async () => {
    inSpan('request', () => scheduler.schedule(() => {}).cancel('not needed'));
    await scheduler.idle();
    const span = await sdk.onlySpan();
    expect(span.attributes).toMatchObject({ 'task.status': 'cancelled', 'task.reason': 'not needed' });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.links).toHaveLength(1);
  });

  it('was cancelled while it ran', async () => {
    const task = scheduler.schedule(untilAborted);
    await task.started;
    task.cancel('enough');
    await task.done;
    const span = await sdk.onlySpan();
    expect(span.attributes).toMatchObject({ 'task.status': 'cancelled', 'task.reason': 'enough' });
    expect([span.status.code, eventsOf(span)]).toEqual([SpanStatusCode.UNSET, []]);
  });

  it('was cancelled and stopped with an error of its own, which is told', async () => {
    const task = scheduler.schedule(() => untilAborted().catch(bad));
    await task.started;
    task.cancel();
    await task.done;
    const span = await sdk.onlySpan();
    expect([span.status.code, eventsOf(span)]).toEqual([SpanStatusCode.UNSET, ['exception']]);
  });

  it.each(['reject', 'discard'] as const)('found its pool full, which is to %s', async (overflow) => {
    await using full = await startContext({ pools: { mail: { concurrency: 1, maxQueue: 0, overflow } } });
    const gate = new Gate();
    const mail = full.scheduler.task({ pool: 'mail' });
    await mail.schedule(function first() {
      return gate.passed;
    }).started;
    const schedule = (): unknown => inSpan('request', () => mail.schedule(function second() {}));
    if (overflow === 'reject') expect(schedule).toThrow('pool');
    else schedule();
    gate.pass();
    await full.scheduler.idle();
    const spans = await sdk.taskSpans();
    expect(spans.map(({ name }) => name)).toEqual(['immediate second', 'immediate first']);
    const span = spans.find(({ name }) => name === 'immediate second');
    expect(span?.attributes).toMatchObject({
      'task.status': 'discarded',
      'task.reason': "pool 'mail' is full (1 running, 0 waiting)",
      'task.pool': 'mail',
    });
    expect([span?.status.code, span?.links.length]).toEqual([SpanStatusCode.UNSET, 1]);
  });

  it('was cancelled by shutdown, and did not stop', async () => {
    const task = scheduler.schedule(() => new Promise(() => {}));
    await task.started;
    await test.context.close();
    const span = await sdk.onlySpan();
    expect(span.attributes).toMatchObject({ 'task.status': 'cancelled', 'task.reason': 'shutdown' });
    expect(eventsOf(span)).toEqual(['abandoned']);
  });

  it('has failed, and whose onError did not stop', async () => {
    const task = scheduler.task({ onError: () => new Promise(() => {}) }).schedule(bad);
    await task.started;
    await test.context.close();
    const span = await sdk.onlySpan();
    expect(span.attributes).toMatchObject({ 'task.status': 'failed' });
    expect(eventsOf(span)).toEqual(['exception', 'abandoned']);
  });

  it('was scheduled after shutdown', async () => {
    await test.context.close();
    scheduler.schedule(() => {});
    const span = await sdk.onlySpan();
    expect(span.attributes).toMatchObject({
      'task.status': 'discarded',
      'task.reason': 'the application has shut down',
    });
  });

  it('was discarded, and then retried', async () => {
    const task = scheduler.schedule(() => {});
    test.context.get(TaskRunner).discard(task, 'route failed');
    await task.retry();
    expect((await sdk.onlySpan()).attributes).toMatchObject({ 'task.status': 'discarded' });
  });
});

describe('durable tasks', () => {
  @Injectable()
  class OrderTasks {
    static calls = 0;

    @Durable('orders.process', { retry: { attempts: 2, delay: 1 } })
    async process(orderId: string): Promise<string> {
      OrderTasks.calls += 1;
      if (OrderTasks.calls === 1) throw new Error('bad');
      return orderId;
    }
  }

  it('have a span for each run', async () => {
    await using shop = await startContext({}, { providers: [OrderTasks] });
    const queue = shop.context.get(TaskQueue);
    const execution = await queue.add(shop.context.get(OrderTasks).process, { key: 'order:17' })('secret');
    await execution.result();
    const spans = await sdk.taskSpans();
    expect(spans.map(({ name }) => name)).toEqual(['process orders.process', 'process orders.process']);
    expect(spans.map(({ attributes }) => attributes)).toMatchObject([
      { 'task.key': 'order:17', 'task.attempt': 1, 'task.status': 'failed' },
      { 'task.key': 'order:17', 'task.attempt': 2, 'task.status': 'succeeded' },
    ]);
    expect(spans[1]?.attributes).not.toHaveProperty('task.pool');
    expect(JSON.stringify(spans.map(({ attributes, events }) => [attributes, events]))).not.toContain('secret');
  });
});

describe('the SDK', () => {
  it('may be registered after the application has started, and replaced', async () => {
    sdk[Symbol.dispose]();
    scheduler.schedule(function untraced() {});
    await scheduler.idle();
    sdk = new Sdk();
    scheduler.schedule(function first() {});
    await scheduler.idle();
    expect((await sdk.onlySpan()).name).toBe('immediate first');
    sdk[Symbol.dispose]();
    sdk = new Sdk();
    scheduler.schedule(function second() {});
    await scheduler.idle();
    expect((await sdk.onlySpan()).name).toBe('immediate second');
  });

  it('may be registered while tasks run, which then have no span', async () => {
    sdk[Symbol.dispose]();
    const gate = new Gate();
    const failing = scheduler.task({ onError: (failed) => failed.retry() }).schedule(() => gate.passed.then(bad));
    const cancelled = scheduler.schedule(untilAborted);
    await Promise.all([failing.started, cancelled.started]);
    sdk = new Sdk();
    gate.pass();
    cancelled.cancel();
    await scheduler.idle();
    expect(await sdk.taskSpans()).toEqual([]);
  });

  it('is not used where the module is told so', async () => {
    await using quiet = await startContext({ telemetry: false });
    quiet.scheduler.schedule(() => {});
    await quiet.scheduler.idle();
    expect(await sdk.taskSpans()).toEqual([]);
  });

  it.each(['getTracer', 'startSpan', 'setAttribute', 'setAttributes', 'recordException', 'end'])(
    'may throw in %s(), and no task notices',
    async (broken) => {
      sdk[Symbol.dispose]();
      const breakable =
        (name: string, result: unknown = undefined) =>
        () => {
          if (name === broken) throw new Error(`${name} is broken`);
          return result;
        };
      const span = {
        setAttribute: breakable('setAttribute'),
        setAttributes: breakable('setAttributes'),
        recordException: breakable('recordException'),
        end: breakable('end'),
        spanContext: () => ({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 }),
        isRecording: () => true,
        setStatus() {},
        addEvent() {},
      };
      const tracer = { startSpan: breakable('startSpan', span), startActiveSpan: breakable('startActiveSpan') };
      trace.setGlobalTracerProvider({ getTracer: breakable('getTracer', tracer) } as never);
      const errors: unknown[] = [];
      diag.setLogger({ error: (...parts: unknown[]) => errors.push(...parts) } as never, {
        suppressOverrideMessage: true,
      });
      const handled: unknown[] = [];
      const succeeded = scheduler.schedule(() => 1);
      const failed = scheduler.task({ onError: (_task, error) => void handled.push(error) }).schedule(bad);
      const discarded = scheduler.schedule(() => {});
      discarded.cancel();
      expect(await succeeded.done).toEqual({ status: 'succeeded', value: 1 });
      expect(await failed.done).toEqual({ status: 'failed', error: new Error('bad') });
      expect(await discarded.done).toMatchObject({ status: 'cancelled' });
      expect(handled).toEqual([new Error('bad')]);
      await scheduler.idle();
      expect(errors).toContainEqual(new Error(`${broken} is broken`));
    },
  );
});
