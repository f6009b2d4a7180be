import type { Clock } from '../clock.js';
import type { ResolvedQueueOptions } from '../queue-options.js';
import type { Broker } from './broker.js';
import { BullMqBroker } from './bullmq/bullmq-broker.js';
import { requireDrivers } from './bullmq/drivers.js';
import { PostgresConnections } from './bullmq/postgres-connections.js';
import { RedisConnections } from './bullmq/redis-connections.js';
import { MemoryBroker } from './memory-broker.js';

/**
 * The broker that the options name. It connects at its first use.
 *
 * @throws {DriverMissingError} when what it needs is not installed.
 */
export function createBroker(options: ResolvedQueueOptions, clock: Clock, workerId: string): Broker {
  switch (options.backend) {
    case 'memory':
      return new MemoryBroker({ lease: options.lease, retention: options.retention, clock, workerId });
    case 'redis':
      requireDrivers(['bullmq', 'ioredis']);
      return new BullMqBroker('Redis', options, workerId, () => RedisConnections.open(options, workerId));
    case 'postgres':
      requireDrivers(['bullmq', 'pg']);
      return new BullMqBroker('PostgreSQL', options, workerId, () => PostgresConnections.open(options, workerId));
  }
}
