import type { Provider } from '@nestjs/common';
import { ShutdownRequeue } from '../scheduler/shutdown-requeue.js';
import { RAW_OPTIONS } from '../scheduler/tasks-options.js';
import { BROKER } from './broker/broker.js';
import { CLOCK, systemClock } from './broker/clock.js';
import { createBroker } from './broker/create-broker.js';
import { Outbox, OUTBOX } from './broker/outbox/outbox.js';
import { QUEUE_OPTIONS, WORKER_ID, type ResolvedQueueOptions } from './broker/queue-settings.js';
import { AdditionGuard } from './client/addition-guard.js';
import { BulkTasks } from './client/bulk-tasks.js';
import { Carriers } from './client/carriers.js';
import { ExecutionSender } from './client/execution-sender.js';
import { ExecutionWriter } from './client/execution-writer.js';
import { ExecutionHandles } from './client/execution-handles.js';
import { ExecutionListing } from './client/execution-listing.js';
import { FollowUpStore } from './client/follow-up-store.js';
import { OutboxWriter } from './client/outbox-writer.js';
import { History } from './client/history.js';
import { ManualStarts } from './client/manual-starts.js';
import { Timeline } from './client/timeline.js';
import { Workers } from './client/workers.js';
import { BuiltInTasks } from './declaration/built-in-tasks.js';
import { DurableRegistry } from './declaration/durable-registry.js';
import { OutboxLog } from './log/outbox-log.js';
import { QueueLog } from './log/queue-log.js';
import { QueueRequeue } from './queue-requeue.js';
import { resolveQueueOptions, type TaskQueueOptions } from './queue-options.js';
import { ChainSchedules } from './rules/chain-schedules.js';
import { FollowUps } from './rules/follow-ups.js';
import type { Rule } from './rules/rule.js';
import { Rules, RULES } from './rules/rules.js';
import { Strikes } from './rules/strikes.js';
import { TaskQueue } from './task-queue.js';
import { LogKeeper } from './worker/log-keeper.js';
import { OutboxRelay } from './worker/relay/outbox-relay.js';
import { RunExecutor } from './worker/run-executor.js';
import { QueueWorker } from './worker/queue-worker.js';
import { RunPreparation } from './worker/run-preparation.js';
import { RunSettler } from './worker/run-settler.js';
import { UnknownTasks } from './worker/unknown-tasks.js';
import { WorkerBoot } from './worker/worker-boot.js';
import { WorkerDrain } from './worker/worker-drain.js';
import { createWorkerId, WorkerState } from './worker/worker-state.js';

/** Durable tasks, room by room. */
export const QUEUE_PROVIDERS: readonly Provider[] = [
  {
    provide: QUEUE_OPTIONS,
    inject: [RAW_OPTIONS],
    useFactory: ({ queue }: { queue?: TaskQueueOptions }) => resolveQueueOptions(queue),
  },
  // A factory: tests put their own in its place, and Nest 11 takes none for a value.
  { provide: CLOCK, useFactory: () => systemClock },
  { provide: WORKER_ID, useFactory: createWorkerId },
  {
    provide: OUTBOX,
    inject: [QUEUE_OPTIONS],
    useFactory: ({ outbox, prefix, name, migrate }: ResolvedQueueOptions) =>
      outbox && new Outbox(outbox, `${prefix}/${name}`, migrate),
  },
  { provide: BROKER, inject: [QUEUE_OPTIONS, CLOCK, WORKER_ID, QueueLog, OUTBOX], useFactory: createBroker },
  QueueLog,
  OutboxLog,

  BuiltInTasks,
  DurableRegistry,

  { provide: AdditionGuard, useExisting: Strikes },
  { provide: FollowUpStore, useExisting: FollowUps },
  Carriers,
  ExecutionHandles,
  ExecutionSender,
  ExecutionWriter,
  OutboxWriter,
  Workers,
  History,
  ExecutionListing,
  ManualStarts,
  BulkTasks,
  Timeline,

  Strikes,
  ChainSchedules,
  ...RULES,
  { provide: Rules, inject: [...RULES], useFactory: (...rules: Rule[]) => new Rules(rules) },

  UnknownTasks,
  RunPreparation,
  LogKeeper,
  RunExecutor,
  RunSettler,
  WorkerState,
  OutboxRelay,
  QueueWorker,
  WorkerBoot,
  WorkerDrain,

  TaskQueue,
  { provide: ShutdownRequeue, useClass: QueueRequeue },
];
