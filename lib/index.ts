export { TasksModule, type TasksOptionsFactory } from './tasks.module.js';
export type { TasksModuleOptions } from './tasks-module-options.js';
export type { SchedulerOptions, TasksShutdownOptions } from './scheduler/tasks-options.js';
export type { TaskOverflow, TaskPoolOptions } from './scheduler/task-pool-options.js';
export type { ThreadPoolOptions } from './threads/thread-options.js';

export { TasksService } from './request/tasks.service.js';
export { TaskBatch } from './request/task-batch.js';
export type { ConfiguredRequestTask, Enqueue, EnqueueLater, EnqueueLaterOptions } from './request/enqueue.js';
export { Tasks } from './request/tasks.decorator.js';
export { TaskScheduler } from './scheduler/task-scheduler.js';
export type { ConfiguredTask, ConfiguredThreadTask, ThreadTaskConfig } from './scheduler/configured-task.js';
export type { TaskPoolState } from './scheduler/task-pool.js';
export { TASK_CHANNEL, type TaskCounts, type TaskEvent, type TaskEventType } from './scheduler/task-events.js';
export { TasksHealthIndicator, type TasksHealth, type TasksHealthOptions } from './telemetry/tasks-health.indicator.js';
export { TaskRunDecorator } from './scheduler/task-run-decorator.js';

export { TaskQueue } from './queue/task-queue.js';
export type { LimitPool, QueueSnapshot } from './queue/queue-snapshot.js';
export type { OutboxStats, QueueStats, TaskStats } from './queue/queue-stats.js';
export type { TimelinePercentiles, TimelineRow } from './queue/client/timeline.js';
export type { TimelineOptions } from './queue/timeline-options.js';
export type { AddOptions, ReplaceOptions } from './queue/client/adding-call.js';
export type { ArgumentsCall } from './queue/client/arguments-call.js';
export { taskName, type TaskName } from './queue/declaration/task-name.js';
export { Execution, type ExecutionEvent } from './queue/client/execution.js';
export type { Disposition } from './queue/broker/record.js';
export type { TrailEntry } from './queue/client/trail-entry.js';
export type { EndedQuery, HistoryQuery } from './queue/client/ended-query.js';
export type { BulkOptions, FailureGroup, HistoryPage } from './queue/client/history.js';
export type { BulkOutcome } from './queue/client/bulk-tasks.js';
export type { ExecutionLogLine } from './queue/client/execution-log.js';
export type { ExecutionProgress } from './queue/client/execution-progress.js';
export { Agenda, type AgendaEntryOptions, type ScatterOptions } from './queue/client/agenda.js';
export type { Json, TaskContextCarrier } from './queue/client/task-context-carrier.js';
export { FollowUpQueue } from './queue/client/follow-up-queue.js';
export { tasks } from './queue/declaration/built-in-tasks.js';
export type { Strike, StrikeCondition, StrikeOperator } from './queue/rules/strike.js';
export type { PauseOptions } from './queue/rules/pause.js';
export type { StrikeOptions } from './queue/rules/strikes.js';

export type { WorkerInfo } from './queue/client/worker-info.js';
export type { EndState, ExecutionState, LiveState, TrailType } from './queue/broker/record.js';
export type { QueueCounts } from './queue/log/queue-counts.js';
export type { RetentionOptions } from './task/retention.js';
export type { TaskQueueOptions, TaskQueueWorkerOptions } from './queue/queue-options.js';
export type { OutboxOptions } from './queue/outbox-options.js';

export {
  Task,
  type OnTaskErrorOption,
  type ResolvedTaskConfig,
  type RunOn,
  type TaskErrorFunction,
  type TaskErrorHandler,
} from './task/task.js';
export type { ExecutionOutcome, TaskOutcome, TaskStatus, TaskTiming } from './task/task-outcome.js';
export type { TaskPerpetual } from './task/task-perpetual.js';
export type { TaskProgress } from './task/task-progress.js';
export type { TaskRetry } from './task/task-retry.js';
export type { TaskFunction, ThreadFunctionOptions } from './task/task-parts.js';
export type { NoGenerator, TaskResult } from './task/task-result.js';
export { mergeTaskConfig, type TaskConfig } from './task/task-config.js';
export { currentTask, TaskContext } from './task/task-context.js';
export type { Duration } from './task/duration.js';

export type { TaskTimeout } from './task/attempt-timeout.js';
export type { RetryOptions } from './task/retry-policy.js';

export type {
  ConcurrencyLimitOptions,
  DebounceOptions,
  LoggedOptions,
  PerpetualOptions,
  PoolKeyFunction,
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
export { Durable, type DurableDecorator, type DurableOptions } from './decorators/durable.decorator.js';
export { OnTaskError } from './decorators/on-task-error.decorator.js';
export { Shielded } from './decorators/shielded.decorator.js';

export {
  NoActiveTaskError,
  TaskCancelledError,
  TaskDiscardedError,
  TaskPoolFullError,
  TasksConfigError,
  TasksError,
  TaskTimeoutError,
  TaskWaitError,
} from './task/task-errors.js';
export { TasksUsageError, type TasksUsageCode } from './task/usage-errors.js';
export { ThreadError } from './threads/thread-error.js';
export {
  BrokerUnavailableError,
  CarrierError,
  ExecutionCancelledError,
  ExecutionDroppedError,
  ExecutionNotFoundError,
  LeaseLostError,
  ResultTimeoutError,
  TaskArgumentError,
  RecordUnreadableError,
  TaskCrashedError,
  TaskNotRegisteredError,
  TaskResultError,
} from './queue/broker/queue-errors.js';
