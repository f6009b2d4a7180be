export { TasksModule, type TasksOptionsFactory } from './tasks.module.js';
export type { TasksModuleOptions } from './tasks-module-options.js';
export type { SchedulerOptions, TasksShutdownOptions } from './scheduler/tasks-options.js';
export type { TaskOverflow, TaskPoolOptions } from './scheduler/task-pool-options.js';
export type { ThreadsOptions } from './threads/thread-options.js';

export { TasksService } from './request/tasks.service.js';
export { TaskBatch } from './request/task-batch.js';
export type { ConfiguredRequestTask, Enqueue, EnqueuingSurface } from './request/enqueuing-surface.js';
export { Tasks } from './request/tasks.decorator.js';
export { NoRequestError, NoRouteError, ReplyUnderwayError } from './request/request-errors.js';
export { TaskScheduler } from './scheduler/task-scheduler.js';
export type { ConfiguredTask, ConfiguredThreadTask, TaskSurface, ThreadTaskConfig } from './scheduler/task-surface.js';
export type { TaskPoolState } from './scheduler/task-pool.js';
export { TASK_CHANNEL, type TaskCounts, type TaskEvent, type TaskEventType } from './scheduler/task-events.js';
export { TasksHealthIndicator, type TasksHealth, type TasksHealthOptions } from './telemetry/tasks-health.indicator.js';
export { TaskRunDecorator } from './scheduler/task-run-decorator.js';

export { TaskQueue, type LimitPool, type QueueSnapshot, type ReplaceOptions } from './queue/task-queue.js';
export type { AddOptions } from './queue/execution-adder.js';
export { Execution, type Disposition, type ExecutionEvent, type ExecutionProgress } from './queue/execution.js';
export { Agenda, type AgendaEntryOptions, type ScatterOptions } from './queue/behaviours/agenda.js';
export { FanInQueue } from './queue/behaviours/fan-in-queue.js';
export { tasks } from './queue/behaviours/built-in-tasks.js';
export type { Strike, StrikeOperator } from './queue/behaviours/strike.js';
export type { StrikeOptions } from './queue/behaviours/strikes.js';
export type { EndState, ExecutionState, LiveState, WorkerInfo } from './queue/brokers/broker.js';
export type { QueueCounts } from './queue/queue-log.js';
export type { TaskQueueOptions, TaskQueueWorkerOptions } from './queue/queue-options.js';

export { Task } from './task/task.js';
export type { ExecutionOutcome, TaskOutcome, TaskStatus, TaskTiming } from './task/task-outcome.js';
export type { TaskPerpetual } from './task/task-perpetual.js';
export type { TaskProgress } from './task/task-progress.js';
export type { TaskFunction, ThreadOptions } from './task/task-parts.js';
export type { NoGenerator, TaskResult } from './task/task-result.js';
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

export type { TaskTimeout } from './task/attempt-timeout.js';
export type { RetryOptions } from './task/retry-policy.js';

export type {
  ConcurrencyLimitOptions,
  DebounceOptions,
  LoggedOptions,
  PerpetualOptions,
  PoolOptions,
  RateLimitOptions,
} from './decorators/behaviour-metadata.js';
export { Arg } from './decorators/arg.decorator.js';
export { ConcurrencyLimit } from './decorators/concurrency-limit.decorator.js';
export { Cooldown } from './decorators/cooldown.decorator.js';
export { Debounce } from './decorators/debounce.decorator.js';
export { Logged } from './decorators/logged.decorator.js';
export { Perpetual } from './decorators/perpetual.decorator.js';
export { RateLimit } from './decorators/rate-limit.decorator.js';
export { Durable, type DurableOptions } from './decorators/durable.decorator.js';
export { OnTaskError } from './decorators/on-task-error.decorator.js';
export { Shielded } from './decorators/shielded.decorator.js';

export {
  NoActiveTaskError,
  NotDurableError,
  NotPerpetualError,
  PackageMissingError,
  TaskCancelledError,
  TaskDiscardedError,
  TaskHostError,
  TaskNotEndedError,
  TaskPoolFullError,
  TasksConfigError,
  TasksError,
  TasksModuleMissingError,
  TaskTimeoutError,
  TaskWaitError,
} from './task/task-errors.js';
export { ThreadError } from './threads/thread-error.js';
export {
  BrokerUnavailableError,
  DriverMissingError,
  ExecutionCancelledError,
  ExecutionDroppedError,
  ExecutionNotFoundError,
  LeaseLostError,
  ResultTimeoutError,
  TaskArgumentError,
  TaskCrashedError,
  TaskNotRegisteredError,
  TaskRegistrationError,
  TaskResultError,
  UnknownParameterError,
} from './queue/queue-errors.js';
