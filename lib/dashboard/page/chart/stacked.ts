import type { Series } from './chart.js';

/**
 * Returns the heights at which the bars of each series end: the first on top. The bars begin at zero and are drawn in
 * this order, so that each covers the lower part of the one before.
 */
export function stacked(series: readonly Series[]): number[][] {
  let below: readonly number[] = [];
  return series
    .toReversed()
    .map(({ values }) => {
      const heights = values.map((value, at) => (value ?? 0) + (below[at] ?? 0));
      below = heights;
      return heights;
    })
    .toReversed();
}
