import type { Provider } from '@nestjs/common';
import { BROKER, type Broker } from '../queue/broker/broker.js';
import { WORKER_ID } from '../queue/broker/queue-settings.js';
import { DurableRegistry } from '../queue/declaration/durable-registry.js';
import { QueueLog } from '../queue/log/queue-log.js';
import { TaskEvents } from '../scheduler/task-events.js';
import { TaskTracer } from '../scheduler/task-tracer.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from '../scheduler/tasks-options.js';
import { createTaskTracer } from './create-task-tracer.js';
import { FleetObserver } from './fleet-observer.js';
import { loadOpenTelemetry, type OpenTelemetry } from './open-telemetry.js';
import { QueueLook } from './queue-look.js';
import { QueueMetrics } from './queue-metrics.js';
import { TasksHealthIndicator } from './tasks-health.indicator.js';
import { TelemetryLog } from './telemetry-log.js';

/** API where the application has it, and wants it used. Looked for once: a package that is too old is a warning. */
const OPEN_TELEMETRY = Symbol('OPEN_TELEMETRY');

function createQueueMetrics(
  api: OpenTelemetry | undefined,
  look: QueueLook,
  broker: Broker,
  processId: string,
  registry: DurableRegistry,
  { tallies }: QueueLog,
): QueueMetrics | undefined {
  if (api === undefined) return undefined;
  const observer = new FleetObserver(broker.duties, processId);
  return new QueueMetrics(api, new TelemetryLog(api), look, observer, registry, tallies);
}

/** Spans, metrics and health. */
export const TELEMETRY_PROVIDERS: readonly Provider[] = [
  {
    provide: OPEN_TELEMETRY,
    inject: [TASKS_OPTIONS],
    useFactory: ({ telemetry }: ResolvedTasksOptions) => (telemetry ? loadOpenTelemetry() : undefined),
  },
  {
    provide: TaskTracer,
    inject: [TASKS_OPTIONS, TaskEvents, OPEN_TELEMETRY],
    useFactory: (options: ResolvedTasksOptions, events: TaskEvents, api: OpenTelemetry | undefined) =>
      createTaskTracer(options, events, () => api),
  },
  {
    provide: QueueMetrics,
    inject: [OPEN_TELEMETRY, QueueLook, BROKER, WORKER_ID, DurableRegistry, QueueLog],
    useFactory: createQueueMetrics,
  },
  QueueLook,
  TasksHealthIndicator,
];
