import { durationText } from '../queue/broker/duration-text.js';

const NUMBERS = new Intl.NumberFormat('en-US');

export function shownNumber(count: number): string {
  return NUMBERS.format(count);
}

/** Count with its noun, such as `41,302 ended executions`. */
export function shownCount(count: number, noun: string): string {
  return `${shownNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Time as a table shows it: of UTC, in seconds. */
export function shownTime(iso: string | undefined): string {
  if (iso === undefined) return '';
  // Those of parked executions may be as late as the last Date.
  return iso.startsWith('+') ? '' : iso.replace(/\.\d+Z$/, 'Z');
}

export function shownDuration(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '' : durationText(milliseconds);
}
