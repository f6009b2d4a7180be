import type { IncomingMessage, ServerResponse } from 'node:http';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('shop');

/** A span for each request, and its baggage: what @opentelemetry/instrumentation-http does. */
export function requestSpan(
  request: IncomingMessage & { originalUrl?: string },
  response: ServerResponse,
  next: () => void,
): void {
  const from = propagation.extract(context.active(), request.headers);
  const name = `${request.method} ${request.originalUrl ?? request.url}`;
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, from);
  response.once('close', () => span.end());
  context.with(trace.setSpan(from, span), next);
}
