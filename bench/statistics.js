/** The middle of the values, and how far apart the lowest and the highest are. */
export function summarize(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)], low: sorted[0], high: sorted.at(-1) };
}

/** Ratios of two arms that ran in the same rounds: what disturbs the machine in a round disturbs both. */
export function ratio(values, base) {
  return summarize(values.map((value, round) => value / base[round]));
}

export const show = ({ median, low, high }, digits = 2) =>
  `${median.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;

export function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** The value that `share` of the values do not exceed. */
export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1];
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
