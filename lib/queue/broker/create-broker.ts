import type { Clock } from './clock.js';
import type { ResolvedQueueOptions } from './queue-settings.js';
import type { Broker, BrokerLog } from './broker.js';
import { BullMqBroker } from './bullmq/bullmq-broker.js';
import { requireDrivers } from './bullmq/drivers.js';
import { PostgresConnections } from './bullmq/postgres/postgres-connections.js';
import { RedisConnections } from './bullmq/redis/redis-connections.js';
import type { Outbox } from './outbox/outbox.js';
import { OutboxedBroker } from './outbox/outboxed-broker.js';
import { MemoryBroker } from './memory/memory-broker.js';

/**
 * Creates the broker that the options name. It connects at its first use.
 *
 * @throws {TasksUsageError} `DRIVER_MISSING` when what it needs is not installed.
 */
export function createBroker(
  options: ResolvedQueueOptions,
  clock: Clock,
  workerId: string,
  log: BrokerLog,
  outbox?: Outbox,
): Broker {
  const broker = createInner(options, clock, workerId, log);
  return outbox === undefined ? broker : new OutboxedBroker(broker, outbox, clock);
}

function createInner(options: ResolvedQueueOptions, clock: Clock, workerId: string, log: BrokerLog): Broker {
  switch (options.backend) {
    case 'memory':
      return new MemoryBroker({ lease: options.lease, retention: options.retention, clock, workerId });
    case 'redis':
      requireDrivers(['bullmq', 'ioredis']);
      return new BullMqBroker(
        'Redis',
        options,
        workerId,
        (lastReply) => RedisConnections.open(options, workerId, lastReply),
        log,
      );
    case 'postgres':
      requireDrivers(['bullmq', 'pg']);
      return new BullMqBroker(
        'PostgreSQL',
        options,
        workerId,
        (lastReply) => PostgresConnections.open(options, workerId, lastReply),
        log,
      );
  }
}
