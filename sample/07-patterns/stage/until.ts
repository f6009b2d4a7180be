import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE = 10_000;

/**
 * Resolves when it has come true.
 *
 * @throws {Error} when it has not after ten seconds.
 */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`"${what}" has not come true in ${PATIENCE / 1_000} s`);
    await sleep(5);
  }
}
