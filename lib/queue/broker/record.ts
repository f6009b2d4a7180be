/**
 * Where an execution that has not ended stands. `retrying` waits for its next attempt, `parked` for something else than
 * time.
 *
 * @publicApi
 */
export type LiveState = 'scheduled' | 'queued' | 'parked' | 'running' | 'retrying';

/**
 * How an execution ended. `dropped`: a rule of the queue decided that it must not run.
 *
 * @publicApi
 */
export type EndState = 'completed' | 'failed' | 'cancelled' | 'dropped';

/**
 * Where an execution stands.
 *
 * @publicApi
 */
export type ExecutionState = LiveState | EndState;

export const LIVE_STATES = ['scheduled', 'queued', 'parked', 'running', 'retrying'] as const satisfies LiveState[];

export function isEnded(state: ExecutionState): state is EndState {
  return !(LIVE_STATES as readonly ExecutionState[]).includes(state);
}

/** An error as it is stored: what a program or a person can use of it in another process. */
export interface StoredError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  /** Of an HTTP answer. */
  readonly status?: number;
  /** Body of an `HttpException`, as JSON. */
  readonly response?: unknown;
  readonly stack?: string;
  readonly cause?: StoredError;
  /** Of an AggregateError. */
  readonly errors?: readonly StoredError[];
}

/** Everything that is stored of an execution. Times are in milliseconds since the epoch. */
export interface ExecutionRecord {
  /** Never used again, unlike the key. */
  readonly id: string;
  readonly key: string;
  /** The task's. */
  readonly name: string;
  /** Encoded. */
  readonly args: string;
  readonly priority: number;
  readonly state: ExecutionState;
  /** When it is due, or was. */
  readonly when: number;
  /** When this run was due at first, before retries and what else has put it off. */
  readonly since: number;
  readonly addedAt: number;
  readonly endedAt?: number;
  /** From 1: how often it has been re-scheduled as a new run, and one more. */
  readonly run: number;
  /** From 1: the attempt that runs or comes next, or was the last. */
  readonly attempt: number;
  /** How often it was started since it was added, attempts that were handed back or lost with their process too. Not: claimed, and found to have to wait. */
  readonly starts: number;
  /** The worker that runs it, or was the last to. */
  readonly worker?: string;
  /** Encoded. */
  readonly result?: string;
  /** Why it failed; while it waits for its next attempt, why the last one did. */
  readonly error?: StoredError;
  /** Why it is parked, was cancelled, dropped or handed back. */
  readonly reason?: string;
  readonly progress?: ProgressRecord;
  readonly extras?: ExecutionExtras;
  /** Why it cannot be read, where it cannot: it never runs, and fails when it is claimed. */
  readonly flaw?: string;
}

/**
 * An execution as a handle looks at it again. The handle has the rest, so that arguments need not be read for each look.
 */
export interface ExecutionStatus extends Omit<ExecutionRecord, 'args' | 'extras'> {
  /** Of a later run, where they differ from those that it was added with; and where they cost nothing to read. */
  readonly args?: string;
}

/** How far a run has come. */
export interface ProgressRecord {
  readonly current: number;
  readonly total: number;
  readonly message?: string;
}

/** An execution that another one waits for. A key can have been used again: then `id` and `addedAt` differ. */
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

/** What is stored with few executions. */
export interface ExecutionExtras {
  /** The queue has added it by itself, and would do so again. */
  readonly isAutomatic?: boolean;
  readonly schedule?: ChainSchedule;
  /** A strike held it when it was added: a worker that knows of none has not heard of it yet. */
  readonly isStruck?: boolean;
  /** It runs when these have ended. */
  readonly after?: readonly AwaitedExecution[];
}

export interface NewExecution {
  /** The broker makes one up where there is none. */
  readonly key: string | undefined;
  readonly name: string;
  readonly args: string;
  readonly priority: number;
  /** At once where there is none. */
  readonly when: number | undefined;
  /** Default: now. */
  readonly addedAt?: number;
  readonly extras?: ExecutionExtras;
}

export interface KeyedExecution extends NewExecution {
  readonly key: string;
}

export interface AddedExecution {
  /** Of the execution that has the key. */
  readonly id: string;
  readonly key: string;
  /** False when the key was taken, and so nothing was changed. */
  readonly isNew: boolean;
}
