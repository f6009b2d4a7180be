import type { ExecutionRecord, TrailType } from '../broker/record.js';
import { withEnd } from '../broker/trail.js';

/**
 * Something that happened to an execution.
 *
 * @publicApi
 */
export interface TrailEntry {
  readonly at: Date;
  readonly type: TrailType;
  /** Reason in words: see docs/messages.md. */
  readonly reason: string;
  /** Worker in which it happened. */
  readonly worker?: string;
  /** Number of times in a row that it has happened for this reason; `at` is the last. Absent for one. */
  readonly times?: number;
}

export function trailEntriesOf(record: ExecutionRecord): readonly TrailEntry[] {
  return withEnd(record).map(({ at, ...entry }) => ({ at: new Date(at), ...entry }));
}
