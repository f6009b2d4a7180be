import { setTimeout } from 'node:timers/promises';

/** Time that others may take, and pause between two attempts, in milliseconds. */
const LIMIT = 10_000;
const PAUSE = 5;

/**
 * Runs a statement again until the SQLite database is not locked. libSQL fails at once where another connection writes, such
 * as one with a transaction of this process, for which it could not wait without blocking it.
 *
 * @param renew comes after each refusal.
 */
export async function whenUnlocked<R>(run: () => Promise<R>, renew: () => Promise<unknown>): Promise<R> {
  for (const end = performance.now() + LIMIT; ;) {
    try {
      return await run();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code !== 'SQLITE_BUSY' || performance.now() > end) throw error;
      await renew();
      await setTimeout(PAUSE);
    }
  }
}
