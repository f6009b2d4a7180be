import type { Admission, Gate, PoolRecord } from './gates/gate.js';

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
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: StoredError;
}

/** Everything that is stored of an execution. Times are in milliseconds since the epoch. */
export interface ExecutionRecord {
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
}

/** How far a run has come. */
export interface ProgressRecord {
  readonly current: number;
  readonly total: number;
  readonly message?: string;
}

/** An execution that another one waits for. A key can have been used again: then `addedAt` differs. */
export interface AwaitedExecution {
  readonly key: string;
  readonly name: string;
  readonly addedAt: number;
}

/** What is stored with few executions. */
export interface ExecutionExtras {
  /** The queue has added it by itself, and would do so again. */
  readonly isAutomatic?: boolean;
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
  readonly key: string;
  /** False when the key was taken, and so nothing was changed. */
  readonly isNew: boolean;
}

/** One run of an execution, held under a lease. */
export interface Claim {
  /** Of the execution: unlike its key, never used again. */
  readonly id: string;
  /** What proves to the broker that the lease is still held. */
  readonly token: string;
  readonly record: ExecutionRecord;
  /** How often its lease has expired in earlier starts of this run. */
  readonly crashes: number;
  /** Somebody has asked for its cancellation in an earlier start, whose worker did not get to it. */
  readonly cancellation?: string | undefined;
}

/** How a run ends. */
export type Settlement =
  | { readonly type: 'complete'; readonly result: string }
  | { readonly type: 'retry'; readonly at: number; readonly error: StoredError }
  /** A new run of the same execution: attempts and crashes count from the start again. */
  | {
      readonly type: 'reschedule';
      readonly at: number;
      readonly args: string;
      /** How this run has failed. */
      readonly error?: StoredError;
      /** Why this run was skipped. */
      readonly reason?: string;
    }
  | { readonly type: 'fail'; readonly error: StoredError }
  | { readonly type: 'cancel' | 'drop'; readonly reason: string }
  /** Back to the queue, at once or `at` a time, with no attempt lost. */
  | { readonly type: 'release'; readonly at?: number; readonly reason: string; readonly isUnstarted?: true }
  /** Before it was started, until `wake()`. */
  | { readonly type: 'park'; readonly reason: string };

export interface Renewal {
  /** Those that somebody else may hold by now. */
  readonly lost: readonly Claim[];
  /** Those whose cancellation was asked for. */
  readonly cancelled: ReadonlyMap<Claim, string>;
}

export interface Recovery {
  /** How many executions of dead workers went back to the queue. */
  readonly crashed: number;
  /** When there is something to recover before long, in milliseconds since the epoch. */
  readonly againAt?: number;
}

export interface EntryName {
  readonly book: string;
  readonly field: string;
}

/** The entries of a book at one moment. */
export interface Book {
  /** Changes with each change of an entry. */
  readonly version: string;
  readonly entries: ReadonlyMap<string, string>;
}

/**
 * One worker of the fleet.
 *
 * @publicApi
 */
export interface WorkerInfo {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly concurrency: number;
  /** How many executions it runs. */
  readonly running: number;
  /** The names that it can run. */
  readonly tasks: readonly string[];
  readonly startedAt: number;
  /** When it was last ready to claim; not a mere sign of life of its process. */
  readonly seenAt: number;
}

/** What processes tell each other. Lost while a connection is down: whoever needs to know for sure must look as well. */
export type Signal =
  | { readonly type: 'cancel'; readonly id: string; readonly reason: string }
  /** The sender wants to be told when an execution changes. */
  | { readonly type: 'watch'; readonly key: string }
  | { readonly type: 'changed'; readonly key: string }
  /** An entry of a book was written or erased. */
  | { readonly type: 'book'; readonly book: string };

export interface Listing {
  readonly counts: Readonly<Record<LiveState, number>>;
  readonly records: readonly ExecutionRecord[];
}

/**
 * What keeps executions. A key is taken from `add` until its execution has ended; ended executions are remembered for
 * the queue's `retention`.
 */
export interface Broker {
  /** What messages call it. */
  readonly label: string;
  /** Executions survive the process, and other processes see them. */
  readonly isShared: boolean;

  /**
   * Makes sure that it is there, and ready for use. All other calls do so themselves.
   *
   * @throws {BrokerUnavailableError} soon, when it cannot be reached. In this and all other calls.
   */
  connect(): Promise<void>;
  add(executions: readonly NewExecution[]): Promise<AddedExecution[]>;
  /** Supersedes what waits under the key; while that runs, follows when the run has settled. Adds where there is none. */
  replace(execution: KeyedExecution): Promise<void>;
  cancel(key: string, reason: string): Promise<'cancelled' | 'signalled' | 'not-found'>;
  get(key: string): Promise<ExecutionRecord | undefined>;
  /** How many have not ended. */
  size(): Promise<number>;
  /** All that has not ended: how many in each state, and `limit` of them. */
  list(limit: number): Promise<Listing>;
  /** Cancels all that does not run, and tells how many. */
  clear(reason: string): Promise<number>;

  /** Starts the next execution that is due, where there is one. */
  claim(): Promise<Claim | undefined>;
  /** Resolves when there may be something to claim, or `signal` is aborted, or after a while. */
  waitForWork(signal: AbortSignal): Promise<void>;
  /**
   * @param claimNext whether to start another, which saves a round trip.
   * @throws {LeaseLostError} when the lease is not held any more; nothing was changed then.
   */
  settle(claim: Claim, settlement: Settlement, claimNext: boolean): Promise<Claim | undefined>;
  /** Prolongs leases, those of slots too. */
  renew(claims: readonly Claim[]): Promise<Renewal>;
  /** Hands executions whose lease has expired to other workers, and clears away what is past its time. */
  recover(): Promise<Recovery>;
  /** Lets a parked execution go on. False when there is none. */
  wake(key: string): Promise<boolean>;

  /** Leads a claimed execution through its gates. Slots are its own until it is settled. */
  admit(claim: Claim, gates: readonly Gate[]): Promise<Admission>;
  /** All pools with slots that somebody holds or waits for. */
  pools(): Promise<PoolRecord[]>;
  /** Shows how far a run has come. */
  setProgress(claim: Claim, progress: ProgressRecord): Promise<void>;

  /**
   * Entries of a book that all processes share. Books are made by their first entry.
   *
   * @param version what was read last: nothing is returned while the book is still the same.
   */
  readBook(book: string, version?: string): Promise<Book | undefined>;
  /** @param owner an entry of another book, without which nothing is written. */
  writeEntry(book: string, field: string, value: string, owner?: EntryName): Promise<void>;
  /** @param expected leaves the entry alone when it has another value by now. @returns whether it was there. */
  eraseEntry(book: string, field: string, expected?: string): Promise<boolean>;
  eraseBook(book: string): Promise<void>;

  /** Shows the worker in `workers()`, until it does not any more for two leases. */
  announce(worker: WorkerInfo): Promise<void>;
  leave(workerId: string): Promise<void>;
  workers(): Promise<WorkerInfo[]>;
  publish(signal: Signal): Promise<void>;
  /** @returns what ends the subscription. */
  subscribe(listener: (signal: Signal) => void): Promise<() => void>;
  /** Lets go of connections and timers. */
  close(): Promise<void>;
}

export const BROKER = Symbol('BROKER');
