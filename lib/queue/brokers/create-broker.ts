import type { Clock } from '../clock.js';
import type { ResolvedQueueOptions } from '../queue-options.js';
import type { Broker } from './broker.js';
import { MemoryBroker } from './memory-broker.js';

/** The broker that the options name. */
export function createBroker(options: ResolvedQueueOptions, clock: Clock, _workerId: string): Broker {
  return new MemoryBroker({ lease: options.lease, retention: options.retention, clock });
}
