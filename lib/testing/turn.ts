// Not the globals: test runners replace those by fake ones.
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

/** One turn of the event loop: when it resolves, everything that waited for nothing but promises has gone on. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Whether `event` comes within `limit` milliseconds of real time. */
export async function comesWithin(limit: number, event: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limit);
  });
  const hasCome = await Promise.race([event.then(() => true), tooLate]);
  clearTimeout(timer);
  return hasCome;
}
