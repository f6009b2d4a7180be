import { setImmediate, setTimeout } from 'node:timers/promises';
import { transactionStays } from './outbox-errors.js';

/** Time that the application's own transaction may take, in milliseconds. */
const LIMIT = 10_000;
/** Looks without a pause: most transactions end within a turn or two of the loop. */
const QUICK_LOOKS = 10;
/** Pause between later looks, in milliseconds. */
const PAUSE = 2;

/**
 * Runs a statement as soon as the only connection is in no transaction of the application: within one, it would be part of
 * it, and go with its rollback.
 *
 * @throws {OutboxTransactionError} when that takes longer than the limit.
 */
export async function outsideTransaction<R>(isHeld: () => boolean, run: () => R, limit = LIMIT): Promise<R> {
  const start = performance.now();
  for (let looks = 0; isHeld(); looks += 1) {
    if (performance.now() - start > limit) throw transactionStays(limit);
    await (looks < QUICK_LOOKS ? setImmediate() : setTimeout(PAUSE));
  }
  return run();
}
