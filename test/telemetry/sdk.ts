import { context, diag, metrics, propagation, trace, type Span } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { MeterProvider, MetricReader, type DataPoint, type Histogram } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** The SDK as an application registers it, in memory. `using` takes it back. */
export class Sdk implements Disposable {
  readonly exporter = new InMemorySpanExporter();
  private readonly begun: Span[] = [];
  private readonly reader = new PulledReader();
  private readonly provider: BasicTracerProvider;

  constructor() {
    const begun: SpanProcessor = {
      onStart: (span) => void this.begun.push(span),
      onEnd() {},
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    };
    this.provider = new BasicTracerProvider({ spanProcessors: [begun, new SimpleSpanProcessor(this.exporter)] });
    trace.setGlobalTracerProvider(this.provider);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(
      new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
    );
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [this.reader] }));
  }

  /** The spans that have ended. */
  async spans(): Promise<ReadableSpan[]> {
    await this.provider.forceFlush();
    return this.exporter.getFinishedSpans();
  }

  /** The spans of tasks that have ended. */
  async taskSpans(): Promise<ReadableSpan[]> {
    return (await this.spans()).filter(({ attributes }) => 'task.id' in attributes);
  }

  /** The span of the one task that there was: that it has no other, and that it has ended. */
  async onlySpan(): Promise<ReadableSpan> {
    const [span, ...others] = await this.taskSpans();
    const begun = this.begun.filter((each) => 'task.id' in (each as unknown as ReadableSpan).attributes);
    if (span === undefined || others.length > 0 || begun.length !== 1) {
      throw new Error(`${begun.length} spans of tasks have begun, ${others.length + (span ? 1 : 0)} have ended`);
    }
    return span;
  }

  /** What a metric says, by its attributes in a line. */
  async metric<V = number>(name: string): Promise<Record<string, V>> {
    const { resourceMetrics } = await this.reader.collect();
    const found = resourceMetrics.scopeMetrics
      .filter(({ scope }) => scope.name === 'nestjs-tasks')
      .flatMap((scope) => scope.metrics)
      .find(({ descriptor }) => descriptor.name === name);
    const points = (found?.dataPoints ?? []) as DataPoint<V>[];
    return Object.fromEntries(points.map(({ attributes, value }) => [Object.values(attributes).join(' '), value]));
  }

  histogram(name: string): Promise<Record<string, Histogram>> {
    return this.metric<Histogram>(name);
  }

  [Symbol.dispose](): void {
    for (const api of [trace, context, propagation, metrics, diag]) api.disable();
  }
}

class PulledReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** Runs `func` in a span, as a request does. */
export function inSpan<R>(name: string, func: (span: Span) => R): R {
  return trace.getTracer('application').startActiveSpan(name, (span) => {
    try {
      return func(span);
    } finally {
      span.end();
    }
  });
}

/** What an HTTP client would send from here. */
export function headers(): Record<string, string> {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier;
}
