import type { Provider } from '@nestjs/common';
import { TaskEvents } from '../scheduler/task-events.js';
import { TaskTracer } from '../scheduler/task-tracer.js';
import { TASKS_OPTIONS } from '../scheduler/tasks-options.js';
import { createTaskTracer } from './create-task-tracer.js';
import { TasksHealthIndicator } from './tasks-health.indicator.js';

/** Spans, metrics and health. */
export const TELEMETRY_PROVIDERS: readonly Provider[] = [
  { provide: TaskTracer, inject: [TASKS_OPTIONS, TaskEvents], useFactory: createTaskTracer },
  TasksHealthIndicator,
];
