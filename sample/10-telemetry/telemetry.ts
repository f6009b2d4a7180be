import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CBaggagePropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { TimelineExporter } from './timeline-exporter.js';

// What an application has instead: the NodeSDK of @opentelemetry/sdk-node, with exporters to its backend.

export const timeline = new TimelineExporter();
const spans = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(timeline)] });
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 60_000 });
const meters = new MeterProvider({ readers: [reader] });

trace.setGlobalTracerProvider(spans);
metrics.setGlobalMeterProvider(meters);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CBaggagePropagator());

/** What was measured, a line for each value. */
export async function readMetrics(): Promise<string[]> {
  await meters.forceFlush();
  const latest =
    measured
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
  return latest.flatMap(({ descriptor, dataPoints }) =>
    dataPoints.map(({ attributes, value }) => {
      const shown = typeof value === 'number' ? value : `${(value as { count: number }).count} measured`;
      return `${descriptor.name} of ${Object.values(attributes).join(', ')}: ${shown}`;
    }),
  );
}

export async function shutDown(): Promise<void> {
  await Promise.all([spans.shutdown(), meters.shutdown()]);
}
