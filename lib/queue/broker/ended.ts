import { kindText } from './failure-group.js';
import type { EndState, ExecutionRecord } from './record.js';
import { matchesRecord, type RecordFilter } from './record-filter.js';

/** Condition on ended executions: all that is set must hold. Times are in milliseconds since the epoch, inclusive. */
export interface EndedFilter extends RecordFilter {
  readonly states?: readonly EndState[] | undefined;
  /** Kind of the error, as {@link kindText} renders it. */
  readonly kind?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** Part of a list of ended executions. */
export interface EndedLook {
  readonly limit: number;
  /** End of the part before this one, as the broker has told it. */
  readonly cursor?: string | undefined;
  /** Leaves out arguments, which are not read then, and results. */
  readonly isBrief?: boolean;
}

export interface EndedPage {
  /** Newest first. */
  readonly records: readonly ExecutionRecord[];
  /** Where the next part begins; nothing after the last one. */
  readonly cursor?: string;
}

/** Failed executions of one task with one kind of error. */
export interface FailureGroupRecord {
  readonly count: number;
  /** Milliseconds since the epoch, like `last`. */
  readonly first: number;
  readonly last: number;
  /** The newest of them. */
  readonly example: ExecutionRecord;
}

/** Result of a call to retry. */
export type Retried = 'retried' | 'already-scheduled' | 'not-found';

/** Executions that have ended, in the order of their ends. */
export interface EndedStore {
  /** A cursor stays right while executions end, expire, and are retried. */
  page(filter: EndedFilter, look: EndedLook): Promise<EndedPage>;
  /** Returns groups of failures since a time. The cost depends on the number of groups. */
  failures(since: number): Promise<FailureGroupRecord[]>;
  /**
   * Runs an ended execution again, under its key, unless another one has that by now.
   *
   * @param until leaves alone what has ended later: it was retried before.
   */
  retry(id: string, until?: number): Promise<Retried>;
  /** Forgets an execution that has ended, until a time where one is given. @returns whether it did. */
  forget(id: string, until?: number): Promise<boolean>;
}

/** Tells whether a record is one of those that a filter asks for. */
export function matches(record: ExecutionRecord, filter: EndedFilter): boolean {
  const { kind, since, until } = filter;
  const { endedAt, error } = record;
  if (endedAt === undefined) return false;
  if (since !== undefined && endedAt < since) return false;
  if (until !== undefined && endedAt > until) return false;
  if (!matchesRecord(record, filter)) return false;
  return kind === undefined || (error !== undefined && kindText(error) === kind);
}
