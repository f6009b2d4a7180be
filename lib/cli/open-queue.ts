import { hostname, userInfo } from 'node:os';
import { ModulesContainer } from '@nestjs/core';
import { DeclaredTasks } from '../operations/declared-tasks.js';
import { FleetActions } from '../operations/fleet-actions.js';
import { FleetViews } from '../operations/fleet-views.js';
import { systemClock } from '../queue/broker/clock.js';
import { createBroker } from '../queue/broker/create-broker.js';
import type { ResolvedQueueOptions } from '../queue/broker/queue-settings.js';
import { Carriers } from '../queue/client/carriers.js';
import { ExecutionListing } from '../queue/client/execution-listing.js';
import { ExecutionHandles } from '../queue/client/execution-handles.js';
import { ExecutionSender } from '../queue/client/execution-sender.js';
import { ExecutionWriter } from '../queue/client/execution-writer.js';
import { History } from '../queue/client/history.js';
import { ManualStarts } from '../queue/client/manual-starts.js';
import { OutboxWriter } from '../queue/client/outbox-writer.js';
import { Timeline } from '../queue/client/timeline.js';
import { Workers } from '../queue/client/workers.js';
import { DurableRegistry } from '../queue/declaration/durable-registry.js';
import { FollowUps } from '../queue/rules/follow-ups.js';
import { Pause } from '../queue/rules/pause.js';
import { Strikes } from '../queue/rules/strikes.js';
import { createWorkerId } from '../queue/worker/worker-state.js';
import { NoTracer } from '../scheduler/task-tracer.js';
import { resolveTasksOptions } from '../scheduler/tasks-options.js';
import { OperatorLog, OperatorQueueLog } from './operator-log.js';
import { OperatorQueue } from './operator-queue.js';

/** Time that closing may take, in milliseconds: a server that has gone answers no goodbye. */
const CLOSING_TIME = 2_000;

/** Stands for Nest's injector, which only declared tasks need. */
const NO_INJECTOR = undefined as never;

/** Queue of a fleet, opened by a command. It runs no worker, and knows no task. */
export interface OpenQueue {
  readonly queue: OperatorQueue;
  readonly views: FleetViews;
  readonly actions: FleetActions;
  /** Person who acts, for strikes and pauses. */
  readonly by: string;
  close(): Promise<void>;
}

/**
 * Composes what an {@link OperatorQueue} consists of, without a Nest application: none of it needs more than a broker here. It
 * connects at its first use.
 *
 * @param warn takes what an operator must know of the store.
 * @throws {TasksUsageError} `DRIVER_MISSING`
 */
export function openQueue(options: ResolvedQueueOptions, warn: (line: string) => void): OpenQueue {
  const clock = systemClock;
  const processId = createWorkerId();
  const log = new OperatorQueueLog(new OperatorLog(warn), clock);
  const broker = createBroker(options, clock, processId, log);

  const registry = new DurableRegistry(
    resolveTasksOptions({}),
    new ModulesContainer(),
    NO_INJECTOR,
    NO_INJECTOR,
    options,
  );
  registry.onModuleInit();
  const followUps = new FollowUps(broker, clock, options, log);
  const workers = new Workers(broker, clock, options, log);
  const handles = new ExecutionHandles(broker, followUps, workers, log);
  const strikes = new Strikes(broker, clock, registry, log);
  const pause = new Pause(broker, clock, log);
  const sender = new ExecutionSender(broker, options, new NoTracer());
  const writer = new ExecutionWriter(
    broker,
    clock,
    options,
    registry,
    strikes,
    handles,
    new Carriers(options, NO_INJECTOR),
    sender,
    new OutboxWriter(undefined, clock, handles, sender),
    log,
  );
  const listing = new ExecutionListing(broker);
  const queue = new OperatorQueue(
    broker,
    clock,
    handles,
    workers,
    new History(broker, clock, writer, handles, log),
    listing,
    new Timeline(broker, clock, processId, log),
    pause,
    log,
    writer,
    strikes,
    new ManualStarts(broker, clock, listing, log),
    followUps,
  );
  return {
    queue,
    views: new FleetViews(queue, new DeclaredTasks(registry), clock),
    actions: new FleetActions(queue, clock),
    by: operator(),
    close: async () => {
      strikes.close();
      pause.close();
      handles.close();
      await within(CLOSING_TIME, broker.close());
    },
  };
}

function operator(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname(); // a container may run as a user without a name
  }
}

async function within(limit: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => (timer = setTimeout(resolve, limit)));
  await Promise.race([work.catch(() => {}), end]);
  clearTimeout(timer);
}
