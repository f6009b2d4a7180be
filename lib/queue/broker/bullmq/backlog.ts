import type { LiveFilter, LiveLook } from '../live.js';
import type { TaskDepth } from '../queue-depth.js';
import type { SeenJob } from './seen-job.js';

/** Time until which parked jobs are delayed, in milliseconds since the epoch: for good. Marks them in counts. */
export const PARKED_UNTIL = 2 ** 43;

/** Time for which the cancellation of a running execution is remembered, for the worker that may start it again. */
export const CANCEL_TTL = 24 * 3_600_000;

/** Jobs that have not ended, at one moment. */
export interface BacklogListing {
  readonly running: number;
  readonly waiting: number;
  /** Number of delayed jobs. */
  readonly delayed: number;
  /** Number of delayed jobs whose time has come. */
  readonly due: number;
  /** Number of delayed jobs that are parked. */
  readonly parked: number;
  /** First jobs, in the order of their starts. Some may have ended since they were listed. */
  readonly jobs: readonly SeenJob[];
  /** First delayed jobs that are neither due nor parked, without data and keys. */
  readonly undecided: readonly SeenJob[];
}

/** Part of the jobs that have not ended. Some may not match: conditions that a database cannot check are left to the caller. */
export interface LivePart {
  /** Jobs without data and results. Arguments in their memos are cut off. */
  readonly jobs: readonly SeenJob[];
  /** Position of the last job that was looked at; nothing where no more jobs follow. */
  readonly cursor?: string;
}

/** Most jobs that one page looks at. */
export const PAGE_LOOKS = 5_000;

/** Name of an execution: its encoded key, its id, or both where the key is an id. */
export interface JobName {
  readonly key?: string;
  readonly id?: string;
}

/** Job that has not ended, as a signal has found it. */
export interface SignalledJob {
  readonly id: string;
  /** Name of the task. */
  readonly name: string;
  readonly isRunning: boolean;
}

/** Answer to a signal. */
export interface Signalled {
  readonly job?: SignalledJob;
  /** Set when a replacement waits for the end of its run. The run was told nothing: the replacement goes first. */
  readonly isReplaced: boolean;
}

/** Jobs that were ended before they ran. */
export interface EndedJobs {
  readonly ids: readonly string[];
  /** Ids of ended executions that limits may know. */
  readonly candidates: readonly string[];
}

/** Part of the backlog that was ended. */
export interface ClearedPart extends EndedJobs {
  /** Set when nothing was left to end. */
  readonly isLast: boolean;
}

/**
 * Executions that have not ended, all together. The cost of a call depends on what it returns, and not on how many wait; it
 * never holds the database for long.
 *
 * Jobs that are cancelled before they run end where they are, as runs do that are cancelled: their arguments are not moved.
 */
export interface Backlog {
  size(): Promise<number>;
  /**
   * @param limit most jobs to list.
   * @param looks most undecided ones to look at.
   */
  list(limit: number, looks: number): Promise<BacklogListing>;
  /** Lists jobs in the order of their starts. @param now time by which a delayed job is due. */
  page(filter: LiveFilter, look: LiveLook, now: number): Promise<LivePart>;
  /** Counts jobs by task and state. Reads no data. */
  depths(): Promise<TaskDepth[]>;
  /** Asks a running execution to stop, in one step: who hears the signal finds the reason. */
  signal(name: JobName, reason: string): Promise<Signalled>;
  /** Ends one job. Changes nothing where it runs, or has ended. */
  cancel(id: string, reason: string): Promise<EndedJobs>;
  /** Ends a part of what waits; to be called until nothing does. */
  clear(reason: string): Promise<ClearedPart>;
  /** Frees keys whose execution has ended: a part of all keys with each call. */
  freeKeys(): Promise<void>;
}
