import { mean } from './statistics.js';

/** Measures each arm once in each round, and returns the results of each. The order of the arms alternates. */
export async function alternate(arms, { rounds, warmUps = 0 }, measure) {
  const results = new Map(arms.map((arm) => [arm, []]));
  for (let round = -warmUps; round < rounds; round++) {
    for (const arm of round % 2 === 0 ? arms : arms.toReversed()) {
      const result = await measure(arm, round);
      if (round >= 0) results.get(arm).push(result);
    }
  }
  return arms.map((arm) => results.get(arm));
}

/**
 * The mean of each arm in each block of short slices, which alternate: what disturbs the machine disturbs all arms. Without gc
 * between slices: V8 drops optimized code with it, and what is measured next costs two to three times as much.
 */
export async function alternateInBlocks(arms, { blocks, slices }, measure) {
  const means = arms.map(() => []);
  for (let block = 0; block < blocks; block++) {
    const results = await alternate(arms, { rounds: slices }, measure);
    for (const [at, values] of results.entries()) means[at].push(mean(values));
  }
  return means;
}

/** The same measure, with gc before: what one arm leaves behind is not collected at the cost of the next. */
export const afterGc =
  (measure) =>
  (...args) => {
    globalThis.gc();
    return measure(...args);
  };
