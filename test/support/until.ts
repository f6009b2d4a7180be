import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL = 10;

/**
 * Looks again and again until there is something, and gives that; fails when there is still nothing after `deadline` ms. By
 * default, far longer than any wait should take: a busy machine may be ten times as slow.
 */
export async function until<T>(
  look: () => T | Promise<T>,
  what: string,
  deadline = 20_000,
): Promise<Exclude<T, undefined | null | false | 0>> {
  const start = performance.now();
  for (;;) {
    const found = await look();
    if (found) return found as Exclude<T, undefined | null | false | 0>;
    if (performance.now() - start > deadline) throw new Error(`Still waiting for ${what} after ${deadline} ms`);
    await sleep(INTERVAL);
  }
}

/** Does something again and again for a while: where a test is about time that passes. */
export async function during(milliseconds: number, act: () => unknown): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    await act();
    await sleep(INTERVAL);
  }
}
