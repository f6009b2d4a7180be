import type { Placed } from './ready-and-delayed.js';
import type {
  ExecutionExtras,
  ExecutionRecord,
  ExecutionState,
  KeyedExecution,
  NewExecution,
  ProgressRecord,
  StoredError,
  Trail,
} from '../record.js';

/** Execution that takes the place of a running one when that has settled. */
export interface Replacement {
  readonly id: string;
  readonly execution: KeyedExecution;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Execution of the memory broker, changed in place: a run changes it a dozen times, and a copy for each change cost
 * more than the rest of the run. Records that leave the broker are copies.
 *
 * All fields are set at once: V8 gives objects that get theirs one by one a second shape and an array beside it.
 */
export class MemoryExecution implements Placed {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly priority: number;
  readonly addedAt: number;
  args: string;
  extras: ExecutionExtras | undefined;
  state: ExecutionState = 'scheduled';
  when: number;
  since: number;
  startedAt: number | undefined = undefined;
  endedAt: number | undefined = undefined;
  run = 1;
  attempt = 1;
  starts = 0;
  worker: string | undefined = undefined;
  result: string | undefined = undefined;
  error: StoredError | undefined = undefined;
  reason: string | undefined = undefined;
  progress: ProgressRecord | undefined = undefined;
  trail: Trail | undefined = undefined;

  crashes = 0;
  /** Set when the worker has told that it lives. */
  isExcused = false;
  /** Set when the lease of its last start has expired. */
  wasLost = false;
  /** Token of the claim that holds the lease. */
  token: string | undefined = undefined;
  leaseUntil: number;
  cancellation: string | undefined = undefined;
  replacement: Replacement | undefined = undefined;
  /** Set when the claim that runs is in line for a slot. */
  isInLine = false;
  /** Set when a limit may know the execution. */
  hasAsked = false;

  place = 0;
  /** Number of its end: later ones have greater numbers. */
  endNumber = 0;
  /** Time for which it is stored since its end, in milliseconds. */
  stay = 0;
  /** Group of failures that it is in. */
  group: string | undefined = undefined;
  /** Neighbours among live executions, or among ended ones. */
  before: MemoryExecution | undefined = undefined;
  after: MemoryExecution | undefined = undefined;

  constructor(id: string, key: string, execution: NewExecution, now: number) {
    const { name, args, priority, addedAt = now, when = addedAt, extras } = execution;
    this.id = id;
    this.key = key;
    this.name = name;
    this.priority = priority;
    this.addedAt = addedAt;
    this.extras = extras;
    this.args = args;
    this.when = when;
    this.since = when;
    // A number of this size at once: V8 would move all that wait, each when it is claimed, to make room for it.
    this.leaseUntil = now;
  }

  toRecord(): ExecutionRecord {
    const { id, key, name, args, priority, state, when, since, addedAt, run, attempt, starts } = this;
    const { startedAt, endedAt, worker, result, error, reason, progress, extras, trail } = this;
    const record: Writable<ExecutionRecord> = {
      id,
      key,
      name,
      args,
      priority,
      state,
      when,
      since,
      addedAt,
      run,
      attempt,
      starts,
    };
    if (startedAt !== undefined) record.startedAt = startedAt;
    if (endedAt !== undefined) record.endedAt = endedAt;
    if (worker !== undefined) record.worker = worker;
    if (result !== undefined) record.result = result;
    if (error !== undefined) record.error = error;
    if (reason !== undefined) record.reason = reason;
    if (progress !== undefined) record.progress = progress;
    if (extras !== undefined) record.extras = extras;
    if (trail !== undefined) record.trail = trail;
    return record;
  }
}
