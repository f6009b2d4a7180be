import type { Duration } from '../task/duration.js';
import { KnownOptions } from '../task/known-options.js';
import { TaskArgumentError } from './broker/queue-errors.js';
import { MINUTE } from './broker/timeline-store.js';
import { checkCallOptions } from './client/call-options.js';
import { durationOf, momentOf } from './client/moment.js';
import { firstKept, type TimelineSpan } from './client/timeline.js';

/**
 * Options of `queue.timeline()`.
 *
 * @publicApi
 */
export interface TimelineOptions {
  /** Beginning: a Date, or a Duration ago. It is moved back to the beginning of a step. */
  since: Date | Duration;
  /** End: a Date, or a Duration ago. Default: now. */
  until?: Date | Duration | undefined;
  /** Length of a row: whole minutes, from `'1m'`. Default `'1m'`. */
  step?: Duration | undefined;
}

const CALL = 'timeline()';
const OPTIONS = new KnownOptions<TimelineOptions>({ since: true, until: true, step: true });

/**
 * @throws {TaskArgumentError} naming the option that cannot be used.
 */
export function spanOf(options: TimelineOptions, now: number): TimelineSpan {
  if (typeof options !== 'object' || options === null) {
    throw new TaskArgumentError(CALL, 'options', options, "an object such as { since: '1h' }");
  }
  checkCallOptions(OPTIONS, options, CALL);
  const { since, until = new Date(now), step = MINUTE } = options;
  const minutes = stepOf(step);
  const [begin, end] = [momentOf(CALL, 'since', since, now), momentOf(CALL, 'until', until, now)];
  if (begin > end) throw new TaskArgumentError(CALL, 'since', since, 'a time before until', 'later than until');
  const from = Math.floor(Math.max(begin / MINUTE, firstKept(now)) / minutes) * minutes;
  const to = Math.min(Math.floor(end / MINUTE), Math.floor(now / MINUTE)) + 1;
  return { from, to: Math.max(from, to), step: minutes };
}

function stepOf(value: unknown): number {
  const minutes = (durationOf(value) ?? NaN) / MINUTE;
  if (Number.isInteger(minutes) && minutes >= 1) return minutes;
  throw new TaskArgumentError(CALL, 'step', value, "whole minutes from 1, such as '1m' or '1h'");
}
