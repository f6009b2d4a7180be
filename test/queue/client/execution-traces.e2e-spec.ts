import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { context, propagation, SpanKind, SpanStatusCode, trace, type TextMapPropagator } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { BrokerUnavailableError, Durable, Perpetual, TaskContext, type Execution } from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { inTransaction, openOutboxDatabase } from '../../support/outbox-databases.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';
import { headers, inSpan, Sdk } from '../../telemetry/sdk.js';

jest.setTimeout(30_000);

let sdk: Sdk;

beforeEach(() => {
  sdk = new Sdk();
});
afterEach(() => {
  sdk[Symbol.dispose]();
});

@Injectable()
class OrderTasks {
  runs = 0;

  constructor(private readonly tasks: TaskContext) {}

  @Durable('orders.process', { retry: { attempts: 2, delay: 1 } })
  async process(_secret: string, failures = 0): Promise<Record<string, string>> {
    await Promise.resolve();
    if (this.tasks.attempt <= failures) throw new Error('bad');
    return headers();
  }

  @Perpetual({ every: 5 })
  @Durable('orders.tick')
  tick(): void {
    this.runs += 1;
    if (this.runs === 3) this.tasks.perpetual.cancel();
  }

  @Durable('orders.plain')
  plain(): string {
    return 'done';
  }

  @Durable('orders.none', { asyncContext: 'none' })
  none(): Record<string, string> {
    return headers();
  }
}

const WITH = { providers: [OrderTasks] };

async function spansOf(kind: SpanKind, count: number): Promise<ReadableSpan[]> {
  const spans = async () => (await sdk.spans()).filter((span) => span.kind === kind);
  await until(async () => (await spans()).length >= count, `${count} spans`);
  return spans();
}

const producers = (count: number): Promise<ReadableSpan[]> => spansOf(SpanKind.PRODUCER, count);
const consumers = (count: number): Promise<ReadableSpan[]> => spansOf(SpanKind.CONSUMER, count);
const idOf = (span: ReadableSpan | undefined): string | undefined => span?.spanContext().spanId;
const linksOf = (span: ReadableSpan | undefined): string[] =>
  (span?.links ?? []).map((link) => link.context.spanId).toSorted();

/** Adds in a request that has baggage. */
const inRequest = <R>(func: () => R): R =>
  context.with(propagation.setBaggage(context.active(), propagation.createBaggage({ tenant: { value: 'acme' } })), () =>
    inSpan('GET /orders', func),
  );

describe.each(BROKERS)('a trace through the queue, on $label', (kind) => {
  const space = brokerSpace(kind);

  it('has one PRODUCER span where a transaction writes the addition', async () => {
    await using database = await openOutboxDatabase('sqlite');
    await using test = await startQueue(space, WITH, { outbox: { database: database.database } });
    const orders = test.context.get(OrderTasks);
    const execution = await inRequest(() =>
      inTransaction(database, ({ handle }) => test.queue.add(orders.process, { transaction: handle })('hunter2')),
    );
    const seen = await execution.result({ timeout: '10s' });
    const [run] = await consumers(1);
    const [producer, ...others] = await producers(1);
    expect(others).toEqual([]);
    expect(producer?.attributes['messaging.message.id']).toBe(execution.id);
    expect(linksOf(run)).toEqual([idOf(producer)]);
    expect(seen).toMatchObject({ baggage: 'tenant=acme' });
  });

  it('has a PRODUCER span at the addition, and a CONSUMER span in a trace of its own for each attempt', async () => {
    await using test = await startQueue(space, WITH);
    const orders = test.context.get(OrderTasks);
    const execution = await inRequest(() => test.queue.add(orders.process, { key: 'order:17' })('hunter2', 1));
    const seen = await execution.result();
    const [producer, ...others] = await producers(1);
    const runs = await consumers(2);
    const request = (await sdk.spans()).find(({ name }) => name === 'GET /orders');
    expect(others).toEqual([]);
    expect(producer).toMatchObject({ name: 'send orders.process', links: [] });
    expect(producer?.parentSpanContext?.spanId).toBe(idOf(request));
    expect(producer?.attributes).toEqual({
      'messaging.system': 'nestjs-tasks',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': test.fleet,
      'messaging.message.id': execution.id,
      'task.function': 'orders.process',
      'task.disposition': 'scheduled',
    });
    expect(runs.map(({ name }) => name)).toEqual(['process orders.process', 'process orders.process']);
    for (const run of runs) {
      expect(run.parentSpanContext).toBeUndefined();
      expect(run.spanContext().traceId).not.toBe(producer?.spanContext().traceId);
      expect(run.links.map((link) => link.context)).toMatchObject([
        { traceId: producer?.spanContext().traceId, spanId: idOf(producer) },
      ]);
      expect(run.attributes).toMatchObject({
        'messaging.system': 'nestjs-tasks',
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': test.fleet,
        'messaging.message.id': execution.id,
        'task.key': 'order:17',
      });
    }
    const [, last] = runs;
    expect(seen).toEqual({
      traceparent: `00-${last?.spanContext().traceId}-${idOf(last)}-01`,
      baggage: 'tenant=acme',
    });
    const shown = (await sdk.spans()).map(({ name, attributes, events }) => [name, attributes, events]);
    expect(JSON.stringify(shown)).not.toContain('hunter2');
  });

  it('links the runs of a chain, of a replacement and of many at once, to what has added them', async () => {
    await using test = await startQueue(space, WITH);
    const { queue } = test;
    const orders = test.context.get(OrderTasks);
    await (await queue.add(orders.tick)()).result();
    const [begin] = await producers(1);
    expect((await consumers(3)).map(linksOf)).toEqual(Array.from({ length: 3 }, () => [idOf(begin)]));
    sdk.exporter.reset();

    await queue.add(orders.process, { key: 'k', when: '1h' })('first');
    const second = await inRequest(() => queue.replace(orders.process, { key: 'k', when: 0 })('second'));
    expect(await second.result()).toMatchObject({ baggage: 'tenant=acme' });
    const [, replaced] = await producers(2);
    expect(replaced?.attributes).toMatchObject({ 'messaging.message.id': second.id });
    expect((await consumers(1)).map(linksOf)).toEqual([[idOf(replaced)]]);
    sdk.exporter.reset();

    const agenda = queue.agenda().add(orders.process)('a').add(orders.process)('b');
    const both = await agenda.scatter({ over: 1 });
    await Promise.all(both.map((execution) => execution.result()));
    const created = await producers(2);
    expect(created.map(({ name }) => name)).toEqual(['create orders.process', 'create orders.process']);
    expect(created.map(({ attributes }) => attributes['messaging.message.id'])).toEqual(both.map(({ id }) => id));
    expect((await consumers(2)).flatMap(linksOf).toSorted()).toEqual(created.map((span) => idOf(span)).toSorted());
  });

  it('links a run that follows others to their additions and to its own', async () => {
    await using test = await startQueue(space, WITH);
    const { queue } = test;
    const orders = test.context.get(OrderTasks);
    const awaited: Execution[] = [];
    for (const name of ['a', 'b']) awaited.push(await inRequest(() => queue.add(orders.process)(name)));
    const looked = await inRequest(() => queue.add(orders.process, { key: 'c' })('c'));
    awaited.push((await queue.get('c')) ?? looked);
    await Promise.all(awaited.map((execution) => execution.result()));
    const last = await queue.after(awaited).add(orders.process)('sum');
    expect(await last.result()).not.toHaveProperty('baggage');
    const added = await producers(4);
    const sum = (await consumers(4)).find(({ attributes }) => attributes['messaging.message.id'] === last.id);
    expect(linksOf(sum)).toEqual(added.map((span) => idOf(span)).toSorted());
    expect(sum?.links[0]?.context.spanId).toBe(idOf(added[3]));
  });

  it('tells an addition that found its key taken, and one that was refused', async () => {
    await using test = await startQueue(space, WITH);
    const { queue } = test;
    const orders = test.context.get(OrderTasks);
    const first = await queue.add(orders.process, { key: 'k', when: '1h' })('a');
    await queue.add(orders.process, { key: 'k' })('b');
    const refusal = new BrokerUnavailableError('The broker', 'no answer');
    for (const call of ['add', 'replace'] as const) {
      jest.spyOn(test.broker.executions, call).mockRejectedValueOnce(refusal);
    }
    await expect(queue.add(orders.process)('c')).rejects.toBe(refusal);
    await expect(queue.replace(orders.process, { key: 'k', when: 0 })('d')).rejects.toBe(refusal);
    const [, taken, ...refused] = await producers(4);
    expect(taken?.attributes).toMatchObject({
      'messaging.message.id': first.id,
      'task.disposition': 'already-scheduled',
    });
    for (const span of refused) {
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: refusal.message });
      expect(span.events.map(({ name }) => name)).toEqual(['exception']);
      expect(span.attributes).not.toHaveProperty('messaging.message.id');
    }
  });

  it('is not carried without an SDK, and not used by a worker without telemetry', async () => {
    await using test = await startQueue(space, WITH, { worker: false });
    const orders = test.context.get(OrderTasks);
    await test.queue.add(orders.process, { key: 'traced' })('a');
    sdk[Symbol.dispose]();
    await test.queue.add(orders.process, { key: 'bare' })('b');
    expect(await test.broker.executions.get('bare')).not.toHaveProperty('extras');
    expect(await test.broker.executions.get('traced')).toHaveProperty('extras.trace.headers.traceparent');
    sdk = new Sdk();
    await using worker = await startQueue(space, WITH, { fleet: test.fleet, telemetry: false });
    if (!kind.isShared) return;
    const traced = await worker.queue.get('traced');
    expect(await traced?.result()).toEqual({});
    expect(await sdk.spans()).toEqual([]);
  });
});

describe('an addition', () => {
  const space = brokerSpace({ label: 'memory', url: 'memory://', isShared: false });

  it('runs the call of the broker in its span', async () => {
    await using test = await startQueue(space, WITH);
    const seen: unknown[] = [];
    const { executions } = test.broker;
    const add = executions.add.bind(executions);
    jest.spyOn(executions, 'add').mockImplementation((list) => {
      seen.push(trace.getActiveSpan()?.spanContext().spanId);
      return add(list);
    });
    await test.queue.add(test.context.get(OrderTasks).process)('a');
    expect(seen).toEqual([idOf((await producers(1))[0])]);
  });

  it('leaves out a baggage that is too large', async () => {
    await using test = await startQueue(space, WITH);
    const huge: TextMapPropagator = {
      inject: (here, carrier: Record<string, string>) => {
        carrier['traceparent'] = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
        if (propagation.getBaggage(here) !== undefined) carrier['baggage'] = 'x'.repeat(9_000);
      },
      extract: (here) => here,
      fields: () => [],
    };
    propagation.disable();
    propagation.setGlobalPropagator(huge);
    const execution = await inRequest(() => test.queue.add(test.context.get(OrderTasks).none, { key: 'k' })());
    const record = await test.broker.executions.get('k');
    expect(Object.keys(record?.extras?.trace?.headers ?? {})).toEqual(['traceparent']);
    await execution.result();
  });

  it.each(['inject', 'extract'] as const)('does not fail for a propagator that fails in %s()', async (failing) => {
    await using test = await startQueue(space, WITH, { worker: false });
    const broken: TextMapPropagator = { inject() {}, extract: (here) => here, fields: () => [] };
    broken[failing] = () => {
      throw new Error('broken');
    };
    propagation.disable();
    propagation.setGlobalPropagator(broken);
    const execution = await test.queue.add(test.context.get(OrderTasks).plain)();
    await inSpan('boot', () => test.queue.runUntilFinished());
    expect((await execution.refresh()).state).toBe('completed');
    expect((await producers(1)).map(({ name }) => name)).toEqual(['send orders.plain']);
    expect((await consumers(1)).map(linksOf)).toEqual([[]]);
  });

  it('is what a run links to, and not the span in which its worker was started', async () => {
    await using test = await startQueue(space, WITH, { worker: false });
    const orders = test.context.get(OrderTasks);
    const awaited = await test.queue.add(orders.plain)();
    const follower = await test.queue.after([awaited]).add(orders.plain)();
    await inSpan('boot', () => test.queue.runUntilFinished());
    expect((await follower.refresh()).state).toBe('completed');
    const added = await producers(2);
    expect((await consumers(2)).map(linksOf)).toEqual([[idOf(added[0])], added.map((span) => idOf(span)).toSorted()]);
  });

  it('is linked to also by a task that leaves its context', async () => {
    await using test = await startQueue(space, WITH);
    const execution = await inRequest(() => test.queue.add(test.context.get(OrderTasks).none)());
    expect(await execution.result()).toMatchObject({ baggage: 'tenant=acme' });
    const [producer] = await producers(1);
    expect((await consumers(1)).map(linksOf)).toEqual([[idOf(producer)]]);
  });
});
