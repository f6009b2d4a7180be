// Not the globals: test runners replace those by fake ones.
import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

/** Waits for one turn of the event loop, after which all code that awaited only promises has continued. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves to true if `event` comes within `limit` milliseconds of real time. */
export async function comesWithin(limit: number, event: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limit);
  });
  try {
    return await Promise.race([event.then(() => true), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves to true if `condition` holds within `limit` milliseconds, checked in each turn of the event loop. */
export async function holdsWithin(limit: number, condition: () => boolean): Promise<boolean> {
  const end = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > end) return false;
    await turn();
  }
  return true;
}
