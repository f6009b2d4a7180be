import { Controller, Get, Post, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { context, propagation, SpanKind, trace, type SpanContext } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Tasks, type Task, type TasksService } from 'nestjs-tasks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ADAPTERS, send, startApp } from '../support/app.js';
import { headers, Sdk } from './sdk.js';

const REQUEST = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, baggage: 'tenant=acme' };

let sdk: Sdk;
let requestSpan: SpanContext;
let sent: Record<string, Record<string, string>>;

beforeEach(() => {
  sdk = new Sdk();
  sent = {};
});
afterEach(() => sdk[Symbol.dispose]());

/** What the instrumentation of an HTTP server does. */
function trackRequest(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const remote = propagation.extract(context.active(), request.headers);
  const span = trace.getTracer('http').startSpan('GET', { kind: SpanKind.SERVER }, remote);
  requestSpan = span.spanContext();
  response.once('close', () => span.end());
  context.with(trace.setSpan(remote, span), next);
}

/** A task that calls another service. */
async function call(name: string): Promise<void> {
  await null;
  sent[name] = headers();
}

@Controller()
class OrdersController {
  @Get('orders')
  order(@Tasks() tasks: TasksService): string {
    tasks.schedule(call, 'immediate');
    tasks.afterRoute.schedule(call, 'afterRoute');
    tasks.afterResponse.schedule(call, 'afterResponse');
    return 'ordered';
  }

  @Get('cancelled')
  cancel(@Tasks() tasks: TasksService): boolean {
    const task: Task = tasks.afterResponse.schedule(call, 'cancelled');
    return task.cancel('not needed');
  }

  @Post('failing')
  fail(@Tasks() tasks: TasksService): never {
    tasks.afterRoute.schedule(call, 'afterRoute');
    tasks.afterResponse.task({ runOn: 'error' }).schedule(call, 'compensation');
    throw new Error('the handler has failed');
  }
}

class TracedModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(trackRequest).forRoutes('*path');
  }
}

const metadata = { imports: [TracedModule], controllers: [OrdersController] };

describe.each(ADAPTERS)('the tasks of a request on %s', (_name, adapter) => {
  it('have a span and a trace each, linked to the span of the request, and pass its baggage on', async () => {
    await using shop = await startApp(metadata, {}, adapter);
    await send(`${shop.url}/orders`, { headers: REQUEST });
    await shop.scheduler.idle();
    expect(requestSpan.traceId).toBe('a'.repeat(32));
    const spans = await sdk.taskSpans();
    expect(spans.map(({ name }) => name)).toEqual(['immediate call', 'afterRoute call', 'afterResponse call']);
    for (const span of spans) {
      const { traceId, spanId } = span.spanContext();
      expect(span.parentSpanContext).toBeUndefined();
      expect(span.links.map((link) => link.context)).toMatchObject([
        { traceId: requestSpan.traceId, spanId: requestSpan.spanId },
      ]);
      expect(sent[String(span.attributes['task.timing'])]).toEqual({
        traceparent: `00-${traceId}-${spanId}-01`,
        baggage: 'tenant=acme',
      });
    }
    expect(new Set([requestSpan, ...spans.map((span) => span.spanContext())].map(({ traceId }) => traceId)).size).toBe(
      4,
    );
  });

  it('have one also when their route has failed and they are discarded', async () => {
    await using shop = await startApp(metadata, {}, adapter);
    await send(`${shop.url}/failing`, { method: 'POST', headers: REQUEST });
    await shop.scheduler.idle();
    const spans = await sdk.taskSpans();
    expect(spans.map(({ name, attributes }) => [name, attributes['task.status'], attributes['task.reason']])).toEqual([
      ['afterRoute call', 'discarded', 'route failed'],
      ['afterResponse call', 'succeeded', 'returned'],
    ]);
    for (const { links } of spans) expect(links[0]?.context.spanId).toBe(requestSpan.spanId);
  });

  it('have one also when they are cancelled while the batch holds them', async () => {
    await using shop = await startApp(metadata, {}, adapter);
    await send(`${shop.url}/cancelled`, { headers: REQUEST });
    await shop.scheduler.idle();
    const span = await sdk.onlySpan();
    expect(span.attributes).toMatchObject({ 'task.status': 'cancelled', 'task.reason': 'not needed' });
    expect(span.links[0]?.context.spanId).toBe(requestSpan.spanId);
  });
});
