export { TasksModule, type TasksOptionsFactory } from './tasks.module.js';
export type { TasksModuleOptions, TasksShutdownOptions } from './scheduler/tasks-options.js';

export { TasksService } from './request/tasks.service.js';
export { TaskBatch } from './request/task-batch.js';
export { Tasks } from './request/tasks.decorator.js';
export { TaskScheduler } from './scheduler/task-scheduler.js';
export type { ConfiguredTask, TaskSurface } from './scheduler/task-surface.js';
export type { TaskCounts, TaskEvent, TaskEventType } from './scheduler/task-events.js';

export { Task } from './task/task.js';
export type { TaskOutcome, TaskStatus, TaskTiming } from './task/task-outcome.js';
export type { TaskFunction } from './task/task-parts.js';
export {
  mergeTaskConfig,
  type OnTaskErrorOption,
  type ResolvedTaskConfig,
  type RunOn,
  type TaskConfig,
  type TaskErrorFunction,
  type TaskErrorHandler,
} from './task/task-config.js';
export { currentTask, TaskContext } from './task/task-context.js';
export type { Duration } from './task/duration.js';

export { OnTaskError } from './decorators/on-task-error.decorator.js';
export { Shielded } from './decorators/shielded.decorator.js';

export {
  NoActiveTaskError,
  NoRequestError,
  TaskCancelledError,
  TaskDiscardedError,
  TaskHostError,
  TaskNotEndedError,
  TasksConfigError,
  TasksError,
  TasksModuleMissingError,
  TaskTimeoutError,
} from './task/task-errors.js';
