import type { Claim, LimitStore } from '../broker.js';
import type { Admission, Limit, PoolRecord } from '../limit.js';
import { LeaseLostError } from '../queue-errors.js';
import type { MemoryQueue } from './memory-queue.js';

/** Limits of a memory broker. */
export class MemoryLimits implements LimitStore {
  constructor(private readonly queue: MemoryQueue) {}

  admit(claim: Claim, limits: readonly Limit[]): Promise<Admission> {
    const { id, token, record } = claim;
    const execution = this.queue.heldBy(claim);
    if (execution === undefined) return Promise.reject(new LeaseLostError(record.key));
    const { key, run, attempt, since } = record;
    const order = id.slice(1).padStart(15, '0'); // the number of its addition
    execution.hasAsked = true;
    const { admission, woken } = this.queue.limits.admit({ id, key, token, run, attempt, order, since }, limits);
    this.queue.wakeAll(woken);
    execution.isInLine = admission.type === 'waits';
    return Promise.resolve(admission);
  }

  pools(): Promise<PoolRecord[]> {
    return Promise.resolve(this.queue.limits.pools());
  }
}
