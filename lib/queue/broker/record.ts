import type { CarriedTrace } from '../../scheduler/task-tracer.js';

/**
 * State of an execution that has not ended. `retrying` waits for its next attempt, `parked` for something else than
 * time.
 *
 * @publicApi
 */
export type LiveState = 'scheduled' | 'queued' | 'parked' | 'running' | 'retrying';

/**
 * State of an execution that has ended. `dropped`: a rule of the queue decided that it must not run.
 *
 * @publicApi
 */
export type EndState = 'completed' | 'failed' | 'cancelled' | 'dropped';

/**
 * State of an execution.
 *
 * @publicApi
 */
export type ExecutionState = LiveState | EndState;

export const LIVE_STATES = ['scheduled', 'queued', 'parked', 'running', 'retrying'] as const satisfies LiveState[];

export function isEnded(state: ExecutionState): state is EndState {
  return !(LIVE_STATES as readonly ExecutionState[]).includes(state);
}

/** Returns the time at which a run was due at first, when it is moved to another time before it has started. */
export function sinceAfterMove({ when, since }: Pick<ExecutionRecord, 'when' | 'since'>, at: number): number {
  return since === when ? at : Math.min(since, at);
}

/** Stored error: the parts that a program or a person can use in another process. */
export interface StoredError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  /** Status of an HTTP answer. */
  readonly status?: number;
  /** Body of an `HttpException`, as JSON. */
  readonly response?: unknown;
  readonly stack?: string;
  readonly cause?: StoredError;
  /** Errors of an AggregateError. */
  readonly errors?: readonly StoredError[];
}

/**
 * What happened to an execution.
 *
 * - `retried`: an attempt failed, and another follows; or somebody has called `queue.retry()`.
 * - `parked`: it waits for something else than time.
 * - `released`: it went back to the queue, as at a shutdown.
 * - `rescheduled`: it was put off, or a run of a perpetual task is over.
 * - `recovered`: the lease of its worker expired.
 * - `replaced`: `queue.replace()` has put another in its place.
 * - an end state: it has ended so.
 *
 * @publicApi
 */
export type TrailType =
  | 'retried'
  | 'parked'
  | 'released'
  | 'rescheduled'
  | 'recovered'
  | 'replaced'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'dropped';

/** Entry of a trail, as it is stored. */
export interface TrailRecord {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly type: TrailType;
  readonly reason: string;
  readonly worker?: string;
  /** Number of times that it has happened in a row. */
  readonly times?: number;
}

export type Trail = readonly TrailRecord[];

/** Stored fields of an execution. Times are in milliseconds since the epoch. */
export interface ExecutionRecord {
  /** Identifier that is never used again, unlike the key. */
  readonly id: string;
  readonly key: string;
  /** Name of the task. */
  readonly name: string;
  /** Encoded. */
  readonly args: string;
  readonly priority: number;
  readonly state: ExecutionState;
  /** Time at which it is due, or was. */
  readonly when: number;
  /** Time at which this run was due at first, before retries and delays. */
  readonly since: number;
  readonly addedAt: number;
  /** Time of its last start. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** Number of the run, from 1: one more than it has been re-scheduled as a new run. */
  readonly run: number;
  /** Attempt that runs or comes next, or was the last; from 1. */
  readonly attempt: number;
  /**
   * Number of starts since it was added, with attempts that were handed back or lost with their process. Claims that
   * had to wait do not count.
   */
  readonly starts: number;
  /** Worker that runs it, or was the last to. */
  readonly worker?: string;
  /** Encoded. */
  readonly result?: string;
  /** Error of the failure; while it waits for its next attempt, of the last one. */
  readonly error?: StoredError;
  /** Reason why it is parked, was cancelled, dropped or handed back. */
  readonly reason?: string;
  readonly progress?: ProgressRecord;
  /** What has happened to it until now, without its end. */
  readonly trail?: Trail;
  readonly extras?: ExecutionExtras;
  /** Set while a handle has seen no more of it than the row that its transaction has written. */
  readonly isUncommitted?: true;
  /** Fault of an unreadable record: it never runs, and fails when it is claimed. */
  readonly flaw?: string;
}

/**
 * Execution as a handle looks at it again. The handle has the rest, so that arguments need not be read for each look.
 */
export interface ExecutionStatus extends Omit<ExecutionRecord, 'args' | 'extras'> {
  /** Arguments of a later run, where they differ from the added ones, and where they cost nothing to read. */
  readonly args?: string;
  /** What the broker has said of an execution that came from the outbox. */
  readonly disposition?: Disposition;
}

/** Progress of a run. */
export interface ProgressRecord {
  readonly current: number;
  readonly total: number;
  readonly message?: string;
}

/**
 * Result of `add()`: a new execution was recorded; its key was taken and nothing changed; or it was struck: then it
 * was not recorded (`state` is `'dropped'`), or it will be held until `restore()`.
 *
 * @publicApi
 */
export type Disposition = 'scheduled' | 'already-scheduled' | 'struck';

/** Execution that another one waits for. A key can have been used again: then `id` and `addedAt` differ. */
export interface AwaitedExecution {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly addedAt: number;
}

/** Schedule in force for an automatic chain, whichever worker runs it. */
export interface ChainSchedule {
  /** Text that `PerpetualPolicy` writes and reads. */
  readonly text: string;
  /** Worker that has put it in force. */
  readonly by: string;
  /** Set when a run has chosen the next time, which does not go by the schedule then. */
  readonly isOverridden?: true;
}

/** Fields that few executions have. */
export interface ExecutionExtras {
  /** Set when the queue has added it by itself, and would do so again. */
  readonly isAutomatic?: boolean;
  readonly schedule?: ChainSchedule;
  /** Set when a strike held it when it was added: a worker that knows of none has not heard of it yet. */
  readonly isStruck?: boolean;
  /** Executions that must end before it runs. */
  readonly after?: readonly AwaitedExecution[];
  /** JSON of what carriers have captured at its addition, by their names. */
  readonly carried?: string;
  readonly trace?: CarriedTrace;
}

export interface NewExecution {
  /** Id that was made beforehand: to add it again changes nothing. The broker makes one where there is none. */
  readonly id?: string;
  /** Key of the execution. The broker makes one where there is none. */
  readonly key: string | undefined;
  readonly name: string;
  readonly args: string;
  readonly priority: number;
  /** Time at which it is due; at once where there is none. */
  readonly when: number | undefined;
  /** Default: now. */
  readonly addedAt?: number;
  readonly extras?: ExecutionExtras;
}

export interface KeyedExecution extends NewExecution {
  readonly key: string;
}

export interface AddedExecution {
  /** Id of the execution that has the key. */
  readonly id: string;
  readonly key: string;
  /** False when the key was taken, and so nothing was changed. */
  readonly isNew: boolean;
}
