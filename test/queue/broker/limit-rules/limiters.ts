import type { BrokerKind } from '../../../support/brokers.js';
import { LEASE, memoryLimiter, type Limiters } from './limiter.js';
import { openPostgres } from './postgres-limiter.js';
import { openRedis } from './redis-limiter.js';

/** Opens limiters in the store of this broker. */
export function openLimiters({ label, url }: BrokerKind): Promise<Limiters> {
  if (label === 'redis') return openRedis(url, LEASE);
  if (label === 'postgres') return openPostgres(url, LEASE);
  return Promise.resolve({ open: memoryLimiter, close: () => Promise.resolve() });
}
