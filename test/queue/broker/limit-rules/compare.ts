import { isDeepStrictEqual } from 'node:util';
import { FreedPools } from './freed-pools.js';
import { memoryLimiter, type LimiterUnderTest } from './limiter.js';
import { CHANGES_NOTHING, take, type Outcome } from './outcome.js';
import type { Step } from './sequence.js';

/** First time of each sequence. Times of today need more than 32 bits. */
const BEGIN = 1_700_000_000_000;

export interface Difference {
  /** Number of the step, from 0. */
  readonly at: number;
  readonly expected: Outcome;
  readonly found: Outcome;
}

/**
 * Takes the steps with this limiter and with that of the memory broker. Ends early where the rules leave the outcome open.
 *
 * @param isOpenStep tells of further steps whose outcome may differ while executions wait.
 * @returns the first difference, and the number of steps without one.
 */
export async function compare(
  limiter: LimiterUnderTest,
  steps: readonly Step[],
  isOpenStep: (step: Step) => boolean = () => false,
): Promise<{ difference?: Difference; compared: number }> {
  const model = memoryLimiter();
  const freed = new FreedPools();
  let now = BEGIN;
  for (const [at, step] of steps.entries()) {
    if (step.type === 'pass') now += step.time;
    model.setTime(now);
    limiter.setTime(now);
    const isOpen = freed.areSeveral(step, now) || (isOpenStep(step) && freed.hasWaiters);
    const [expected, found] = await Promise.all([take(model, step), take(limiter, step)]);
    if (!isDeepStrictEqual(found, expected)) {
      return isOpen ? { compared: at } : { difference: { at, expected, found }, compared: at };
    }
    if (!CHANGES_NOTHING.has(step.type)) freed.note(step, expected, now);
  }
  return { compared: steps.length };
}

/** Removes steps that a difference does not need. */
export async function shorten(
  steps: readonly Step[],
  compareAgain: (steps: readonly Step[]) => ReturnType<typeof compare>,
): Promise<readonly Step[]> {
  let shortest = steps;
  for (let at = steps.length - 1; at >= 0; at -= 1) {
    const shorter = shortest.toSpliced(at, 1);
    if ((await compareAgain(shorter)).difference !== undefined) shortest = shorter;
  }
  return shortest;
}
