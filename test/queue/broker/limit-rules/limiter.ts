import type { Gatekeeper } from '../../../../lib/queue/broker/gate.js';
import type { Clock } from '../../../../lib/queue/broker/clock.js';
import { MemoryGates } from '../../../../lib/queue/broker/memory/memory-gates.js';

/** Lease of every slot, in milliseconds. */
export const LEASE = 2_000;

/** Limits of one queue, empty at first, whose time goes as the test says. */
export interface Limiter extends Gatekeeper {
  /** Sets the time of the following calls, in milliseconds since the epoch. */
  setTime(now: number): void;
  /** Makes this claim the one that holds the lease of the execution. */
  grant(id: string, token: string): Promise<unknown>;
}

/** Limiters of one broker, each with a queue of its own. */
export interface Limiters {
  open(): Limiter;
  close(): Promise<void>;
}

/** Opens limits in this process: the others are compared with them. */
export function memoryLimiter(): Limiter {
  let now = 0;
  const clock: Clock = { now: () => now, schedule: () => () => {} };
  const gates = new MemoryGates(clock, LEASE);
  return {
    setTime: (time) => (now = time),
    grant: () => Promise.resolve(),
    admit: async (visitor, wanted) => gates.admit(visitor, wanted),
    release: async (id, token) => gates.release(id, token),
    isHandedOver: async (id) => gates.isHandedOver(id),
    forget: async (ids) => gates.forget(...ids),
    renew: async (holders) => gates.renew(holders),
    sweep: async () => gates.sweep(),
    pools: async () => gates.pools(),
  };
}
