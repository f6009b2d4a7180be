import type { Limiter } from '../../../../lib/queue/broker/limit.js';
import type { Clock } from '../../../../lib/queue/broker/clock.js';
import { MemoryLimiter } from '../../../../lib/queue/broker/memory/memory-limiter.js';

/** Lease of every slot, in milliseconds. */
export const LEASE = 2_000;

/** Limits of one queue, empty at first, whose time goes as the test says. */
export interface LimiterUnderTest extends Limiter {
  /** Sets the time of the following calls, in milliseconds since the epoch. */
  setTime(now: number): void;
  /** Makes this claim the one that holds the lease of the execution. */
  grant(id: string, token: string): Promise<unknown>;
}

/** Limiters of one broker, each with a queue of its own. */
export interface Limiters {
  open(): LimiterUnderTest;
  close(): Promise<void>;
}

/** Opens limits in this process: the others are compared with them. */
export function memoryLimiter(): LimiterUnderTest {
  let now = 0;
  const clock: Clock = { now: () => now, schedule: () => () => {}, sleep: () => Promise.resolve() };
  const limits = new MemoryLimiter(clock, LEASE);
  return {
    setTime: (time) => (now = time),
    grant: () => Promise.resolve(),
    admit: async (candidate, wanted) => limits.admit(candidate, wanted),
    release: async (id, token) => limits.release(id, token),
    isGranted: async (id) => limits.isGranted(id),
    forget: async (ids) => limits.forget(...ids),
    renew: async (holders) => limits.renew(holders),
    sweep: async () => limits.sweep(),
    pools: async () => limits.pools(),
  };
}
