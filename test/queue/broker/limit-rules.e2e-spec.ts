import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BROKERS } from '../../support/brokers.js';
import { Chance } from '../faults/chance.js';
import { compare, shorten } from './limit-rules/compare.js';
import type { Limiters } from './limit-rules/limiter.js';
import { openLimiters } from './limit-rules/limiters.js';
import { draw, type Step } from './limit-rules/sequence.js';

/** Number of sequences. With TASKS_TEST_SEQUENCES=5000 a run takes minutes, and finds more. */
const SEQUENCES = Number(process.env['TASKS_TEST_SEQUENCES'] ?? 200);
const STEPS = 30;
/** Number of sequences that run at once. */
const LANES = 4;

const chance = new Chance();
const sequences = Array.from({ length: SEQUENCES }, () => draw(chance, STEPS));

function written(steps: readonly Step[]): string {
  return steps.map((step, at) => `${at}: ${JSON.stringify(step)}`).join('\n');
}

describe.each(BROKERS)(`the rules of limits, with the seed ${chance.seed}: $label`, (kind) => {
  let limiters: Limiters;

  beforeAll(async () => {
    limiters = await openLimiters(kind);
  });

  afterAll(() => limiters.close());

  it('hold alike wherever they are kept', async () => {
    let compared = 0;
    const left = [...sequences];
    const different: (readonly Step[])[] = [];
    const goOn = async (): Promise<void> => {
      for (let steps = left.pop(); steps !== undefined; steps = left.pop()) {
        const result = await compareHere(steps);
        compared += result.compared;
        if (result.difference !== undefined) different.push(steps);
        if (different.length > 0) return;
      }
    };
    await Promise.all(Array.from({ length: LANES }, goOn));
    if (different[0] !== undefined) throw new Error(await describeDifference(different[0]));
    // The rest came after an outcome that the rules leave open.
    expect(compared).toBeGreaterThan(0.95 * SEQUENCES * STEPS);
  }, 600_000);

  /**
   * Leaves the sweeps of Redis open where executions wait. They serve all lines (R19), so that a waiter may move to the line of
   * another of its pools, or get a slot that its higher maximum leaves free.
   */
  function compareHere(steps: readonly Step[]): ReturnType<typeof compare> {
    return compare(limiters.open(), steps, ({ type }) => kind.label === 'redis' && type === 'sweep');
  }

  async function describeDifference(steps: readonly Step[]): Promise<string> {
    const shortest = await shorten(steps, compareHere);
    const { difference } = await compareHere(shortest);
    const [expected, found] = [difference?.expected, difference?.found].map((outcome) => JSON.stringify(outcome));
    const last = `Step ${difference?.at} differs.\nmemory: ${expected}\n${kind.label}: ${found}`;
    return `TASKS_TEST_SEED=${chance.seed}\n${written(shortest)}\n${last}`;
  }
});
