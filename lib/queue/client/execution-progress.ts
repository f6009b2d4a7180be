import type { ExecutionRecord } from '../broker/record.js';

/**
 * Progress of a run.
 *
 * @publicApi
 */
export interface ExecutionProgress {
  /** Work done so far, from 0. May exceed the total. */
  readonly current: number;
  readonly total: number;
  readonly message: string | undefined;
}

/** Returns the progress; that of the start where none was told. */
export function progressOf({ progress }: ExecutionRecord): ExecutionProgress {
  const { current = 0, total = 100, message } = progress ?? {};
  return { current, total, message };
}
