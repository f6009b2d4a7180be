import type { EndedFilter, EndedLook } from '../ended.js';
import type { EndState } from '../record.js';
import type { SeenJob } from './seen-job.js';

/** Part of the ended jobs. Some may not match: conditions that a database cannot check are left to the caller. */
export interface EndedPart {
  readonly jobs: readonly SeenJob[];
  /** Position of the last job that was looked at; nothing where no more jobs follow. */
  readonly cursor?: string;
}

/** Failed jobs of one group. */
export interface FailedJobs {
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly example: SeenJob;
}

/** Ended job that is to run again. */
export interface Revival {
  /** Time of the end that the memo was made for. */
  readonly endedAt: number;
  readonly memo: string;
}

/**
 * Result of a revival: it waits again; another job has its key; the job is not there; or it has not ended at that time.
 * Nothing is changed but by the first.
 */
export type Revived = 'revived' | 'taken' | 'gone' | 'changed';

/** Ended jobs of a database, by the time of their end. */
export interface EndedIndex {
  look(filter: EndedFilter, look: EndedLook): Promise<EndedPart>;
  /** Returns the groups of failures since a time. */
  groups(since: number): Promise<FailedJobs[]>;
  revive(id: string, revival: Revival): Promise<Revived>;
  /** @returns whether the job was there, and had ended until then. */
  forget(id: string, until: number): Promise<boolean>;

  /** Before a job ends: its encoded key leads to it then, until another ends that had it later. */
  pointTo(key: string, id: string, retention: number): Promise<void>;
  /** Returns the id of the last job that has ended under an encoded key. */
  lastOf(key: string): Promise<string | undefined>;

  /** Stores an ended job until a time of its own, whatever the retention of the queue. */
  keep(id: string, until: number): Promise<void>;
  isKept(id: string): Promise<boolean>;
  /** Removes the jobs that have ended in a state after `from` and until `to`, but for those with a time of their own. */
  expire(state: EndState, from: number, to: number): Promise<void>;
  /** Removes the jobs whose own time is over. */
  expireKept(): Promise<void>;

  /** Notes a failure in its group before the job is moved, where the database does not do so by itself. */
  noteFailure?(id: string, group: string, now: number): Promise<void>;
  /** Takes a note of a failure back, since the move was refused. */
  eraseFailure?(id: string, group: string): Promise<void>;
}

/** Cursor over jobs by time of end and id, both descending. */
export interface Position {
  readonly endedAt: number;
  readonly id: string;
}

export function writePosition({ endedAt, id }: Position): string {
  return `${endedAt}:${id}`;
}

export function readPosition(cursor: string): Position {
  const at = cursor.indexOf(':');
  return { endedAt: Number(cursor.slice(0, at)), id: cursor.slice(at + 1) };
}

/**
 * Text that the memo of a job has where its error has the other one. A memo within a memo is escaped twice, and is not
 * looked through.
 */
export function needleOf(error: string): string {
  return JSON.stringify(error).slice(1, -1);
}
