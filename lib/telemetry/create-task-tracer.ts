import type { TaskEvents } from '../scheduler/task-events.js';
import { NoTracer, type TaskTracer } from '../scheduler/task-tracer.js';
import type { ResolvedTasksOptions } from '../scheduler/tasks-options.js';

export function createTaskTracer(_options: ResolvedTasksOptions, _events: TaskEvents): TaskTracer {
  return new NoTracer();
}
