import { TEN_YEARS, parseDuration, type Duration } from './duration.js';
import { KnownOptions } from './known-options.js';

/**
 * Times for which ended executions can be looked up, by the state in which they have ended.
 *
 * @publicApi
 */
export interface RetentionOptions {
  readonly completed?: Duration | undefined;
  readonly failed?: Duration | undefined;
  readonly cancelled?: Duration | undefined;
  readonly dropped?: Duration | undefined;
}

/** Retention by end state, in milliseconds. */
export interface RetentionTimes {
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly dropped: number;
}

const STATES = ['completed', 'failed', 'cancelled', 'dropped'] as const;

const OPTIONS = new KnownOptions<RetentionOptions>(
  { completed: true, failed: true, cancelled: true, dropped: true },
  { removeOnComplete: 'completed', removeOnFail: 'failed', canceled: 'cancelled' },
);

/**
 * Reads a `retention` option: one Duration for all end states, or one for each.
 *
 * @returns the times that are set.
 * @throws {TasksConfigError} naming `option` when a time cannot be used.
 */
export function parseRetention(option: string, value: unknown): Partial<RetentionTimes> {
  if (value === undefined) return {};
  const times: { -readonly [S in keyof RetentionTimes]?: number } = {};
  const isTable = typeof value === 'object' && value !== null;
  if (isTable) OPTIONS.check(value, option);
  for (const state of STATES) {
    const duration: unknown = isTable ? (value as RetentionOptions)[state] : value;
    if (duration === undefined) continue;
    times[state] = parseDuration(isTable ? `${option}.${state}` : option, duration, 0, TEN_YEARS);
  }
  return times;
}
