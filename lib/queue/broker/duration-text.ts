const UNITS: readonly (readonly [name: string, milliseconds: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/**
 * Renders a duration for a message, such as `2s`, `1m` or `500ms`. Exact where a whole number of some unit says it, and
 * rounded to a tenth otherwise. The `ms` package would render 90 seconds as `2m`.
 */
export function durationText(milliseconds: number): string {
  const rounded = Math.round(milliseconds);
  const largest = UNITS.find(([, size]) => rounded >= size);
  if (largest === undefined) return `${rounded}ms`;
  const exact = UNITS.find(([, size]) => rounded % size === 0);
  if (exact !== undefined) return `${rounded / exact[1]}${exact[0]}`;
  return `${Number((rounded / largest[1]).toFixed(1))}${largest[0]}`;
}

/** Renders a count with its noun, such as `1 start` or `2 starts`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
