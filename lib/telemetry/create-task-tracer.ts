import type { TaskEvents } from '../scheduler/task-events.js';
import { NoTracer, type TaskTracer } from '../scheduler/task-tracer.js';
import type { ResolvedTasksOptions } from '../scheduler/tasks-options.js';
import { loadOpenTelemetry, type OpenTelemetry } from './open-telemetry.js';
import { TaskMetrics } from './task-metrics.js';
import { TaskSpans } from './task-spans.js';
import { TaskWatchers } from './task-watchers.js';
import { TelemetryLog } from './telemetry-log.js';

/** Creates spans and metrics where the application has `@opentelemetry/api`; else a tracer without any cost. */
export function createTaskTracer(
  { telemetry }: Pick<ResolvedTasksOptions, 'telemetry'>,
  events: TaskEvents,
  load: () => OpenTelemetry | undefined = loadOpenTelemetry,
): TaskTracer {
  const api = telemetry ? load() : undefined;
  if (api === undefined) return new NoTracer();
  const log = new TelemetryLog(api);
  const spans = new TaskSpans(api, log);
  events.listen(new TaskWatchers([spans, new TaskMetrics(api, log)], log));
  return spans;
}
