const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** Returns a duration in its two greatest units, such as `2 h 5 min`; below a minute with as many digits as matter. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const at = UNITS.findIndex(([, length]) => ms >= length);
  const [unit, length] = UNITS[at] ?? UNITS[3];
  const whole = Math.floor(ms / length);
  const next = UNITS[at + 1];
  const rest = next === undefined ? 0 : Math.floor((ms % length) / next[1]);
  return rest === 0 || next === undefined ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${next[0]}`;
}

/** Returns a distance in time in its greatest unit, such as `5 min ago` or `in 2 h`. */
export function relativeText(at: number, now: number): string {
  const distance = Math.abs(now - at);
  if (distance < 1_000) return 'now';
  const [unit, length] = UNITS.find(([, each]) => distance >= each) ?? UNITS[3];
  const text = `${Math.floor(distance / length)} ${unit}`;
  return at > now ? `in ${text}` : `${text} ago`;
}
