import type { ModuleMetadata } from '@nestjs/common';
import { TaskQueue, type TaskQueueOptions, type TaskQueueWorkerOptions, type TasksModuleOptions } from 'nestjs-tasks';
import { BROKER, type Broker } from '../../lib/queue/broker/broker.js';
import type { BrokerOverrides, BrokerSpace } from './brokers.js';
import { startContext, type TestContext } from './context.js';

export interface QueueContext extends TestContext {
  readonly queue: TaskQueue;
  readonly fleet: string;
  /** Its own: closed with the context, but in memory of use after that, too. */
  readonly broker: Broker;
}

export interface QueueContextOptions
  extends
    Omit<TasksModuleOptions, 'queue'>,
    Pick<TaskQueueOptions, 'retention' | 'maxArgumentSize' | 'carriers' | 'logs' | 'outbox'>,
    TaskQueueWorkerOptions {
  /** The `name` of the queue: those that have it in common share work. Default: one of its own. */
  fleet?: string;
  /** `false`: it only adds. */
  worker?: false;
}

const LEASE = 2_000;

/** An application without a server, whose queue is on a broker of that kind. `await using` closes it. */
export async function startQueue(
  space: BrokerSpace,
  metadata: ModuleMetadata,
  {
    retention,
    maxArgumentSize,
    carriers,
    logs,
    outbox,
    fleet = space.newQueue(),
    lease = LEASE,
    concurrency,
    worker,
    ...options
  }: QueueContextOptions = {},
): Promise<QueueContext> {
  const workerOptions = worker ?? { lease, concurrency };
  const queue = { ...space.options(fleet), retention, maxArgumentSize, carriers, logs, outbox, worker: workerOptions };
  const test = await startContext({ ...options, queue }, metadata);
  return { ...test, fleet, queue: test.context.get(TaskQueue), broker: test.context.get<Broker>(BROKER) };
}

/** What another process sees of the queue, also when the context is closed. */
export function observe(
  space: BrokerSpace,
  { fleet, broker }: QueueContext,
  overrides: BrokerOverrides = {},
): Broker & AsyncDisposable {
  if (space.kind.isShared) return space.open(fleet, { workerId: 'w-observer', ...overrides });
  return Object.assign(Object.create(broker) as Broker, { [Symbol.asyncDispose]: () => Promise.resolve() });
}
