import type { EndedStore } from './ended.js';
import type { Duties } from './duties.js';
import type { Admission, Limit, PoolRecord } from './limit.js';
import type { LiveFilter, LiveLook, LivePage } from './live.js';
import type { TaskDepth } from './queue-depth.js';
import type {
  AddedExecution,
  ChainSchedule,
  ExecutionRecord,
  ExecutionStatus,
  KeyedExecution,
  LiveState,
  NewExecution,
  ProgressRecord,
} from './record.js';
import { REASONS } from './reasons.js';
import type { Settlement } from './settlement.js';
import type { TimelineStore } from './timeline-store.js';

/** Run of an execution, held under a lease. */
export interface Claim {
  /** Id of the execution: unlike its key, never used again. */
  readonly id: string;
  /** Proof to the broker that the lease is still held. */
  readonly token: string;
  readonly record: ExecutionRecord;
  /** Number of expired leases in earlier starts of this run, without those whose worker lived on. */
  readonly crashes: number;
  /** Reason of a cancellation that was asked for in an earlier start, whose worker did not get to it. */
  readonly cancellation?: string | undefined;
}

export interface Renewal {
  /** Claims that another worker may hold by now. */
  readonly lost: readonly Claim[];
  /** Claims whose cancellation was asked for. */
  readonly cancelled: ReadonlyMap<Claim, string>;
}

export interface Recovery {
  /** Number of executions of dead workers that went back to the queue. */
  readonly crashed: number;
  /** Time at which there is something to recover before long, in milliseconds since the epoch. */
  readonly againAt?: number;
}

export interface EntryName {
  readonly map: string;
  readonly field: string;
}

/**
 * Begins the name of a map that is read when it is needed, and followed by nobody. Its changes give it no version, and no
 * signal tells of them: each costs the database one write.
 */
export const QUIET = 'quiet:';

/** Entries of a map at one moment. */
export interface SharedMap {
  /** Changes with each change of an entry. The same for ever in a quiet map. */
  readonly version: string;
  readonly entries: ReadonlyMap<string, string>;
}

/**
 * What processes tell each other. Lost while a connection is down, and perhaps forged: whoever needs to know for sure must
 * look as well.
 */
export type Signal =
  | { readonly type: 'cancel'; readonly id: string }
  /** The sender wants to be told when an execution changes. */
  | { readonly type: 'watch'; readonly id: string }
  | { readonly type: 'changed'; readonly id: string }
  /** An entry of a shared map was written or erased. No quiet map tells so. */
  | { readonly type: 'map'; readonly map: string };

/** Takes note of what a broker finds in its store, or hears, and cannot use. */
export interface BrokerLog {
  /** @param what an entry of the store, such as `worker w1-abc`. */
  unreadable(what: string): void;
  signalRefused(): void;
}

/** Result of a call to cancel. */
export type Cancellation = 'cancelled' | 'signalled' | 'not-found';

/** Is told of an execution that is about to be cancelled before it runs, and waited for. It may be started all the same. */
export type Foretell = (execution: Pick<ExecutionRecord, 'id' | 'key' | 'name'>) => Promise<void>;

/**
 * Shortest time for which an ended execution can be found by its id, in milliseconds: a handle that waits for the result
 * may look after the end only. Looks by key go by `retention` alone.
 */
export const HANDLE_RETENTION = 10_000;

/** Reason of an execution that was replaced before it ran. */
export const REPLACED = REASONS.replaced();

/** Reason of an execution that replaces a running one. */
export const FOLLOWS_RUN = REASONS.sameKey();

export interface Listing {
  readonly counts: Readonly<Record<LiveState, number>>;
  readonly records: readonly ExecutionRecord[];
}

/** Executions by key and id. */
export interface ExecutionStore {
  add(executions: readonly NewExecution[]): Promise<AddedExecution[]>;
  /**
   * Supersedes what waits under the key; while that runs, follows when the run has settled. Adds where there is none.
   *
   * @returns the id of the new execution.
   */
  replace(execution: KeyedExecution): Promise<string>;
  /**
   * Moves an execution that is scheduled, or waits for its next attempt, to another time, in one step. A run that was put off
   * keeps the time at which it was due at first, unless the new one is earlier.
   *
   * @param known the record that the decision was made on.
   * @param schedule takes the place of the chain's.
   * @returns false, and changes nothing, when the execution has been started, moved or taken away since.
   */
  retime(known: ExecutionRecord, when: number, schedule?: ChainSchedule): Promise<boolean>;
  /**
   * Asks a running task to stop before anything else is done.
   *
   * @param id leaves every other execution under the key alone. Without it, the replacement of a running one goes too.
   */
  cancel(key: string, reason: string, id?: string, foretell?: Foretell): Promise<Cancellation>;
  /** Returns the execution that has the key, or was the last to have it and ended less than `retention` ago. */
  get(key: string): Promise<ExecutionRecord | undefined>;
  /** Returns an execution, until it has ended longer ago than `retention` and {@link HANDLE_RETENTION}. */
  find(id: string, key: string): Promise<ExecutionStatus | undefined>;
  /** Finds an execution like {@link find}, with its arguments. */
  read(id: string, key: string): Promise<ExecutionRecord | undefined>;
  /** Counts executions that have not ended. */
  size(): Promise<number>;
  /** Counts executions that have not ended, by state, and lists `limit` of them. */
  list(limit: number): Promise<Listing>;
  /**
   * Lists executions that have not ended, without their arguments, which are not read. Executions that move meanwhile may be
   * seen twice, or missed. Those that wait in an outbox, or replace a running one, are left out.
   *
   * The cost of a call is bounded: after some thousand executions that do not match, the page ends with a cursor.
   */
  page(filter: LiveFilter, look: LiveLook): Promise<LivePage>;
  /** Counts executions that have not ended, by task and state. Never reads arguments. */
  depths(): Promise<TaskDepth[]>;
  /** Cancels all that does not run, and tells how many. */
  clear(reason: string): Promise<number>;
}

/** Runs of executions, each under a lease. */
export interface RunStore {
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
  /** Takes note that the lease of a claim was lost, and its worker lives: that is no crash of the task. */
  excuse(claim: Claim): Promise<void>;
  /** Lets a parked execution go on. False when there is none. */
  wake(key: string): Promise<boolean>;
  /** Shows how far a run has come. */
  setProgress(claim: Claim, progress: ProgressRecord): Promise<void>;
}

/** Limits of what runs in the whole fleet. */
export interface LimitStore {
  /** Leads a claimed execution through its limits. Slots are its own until it is settled. */
  admit(claim: Claim, limits: readonly Limit[]): Promise<Admission>;
  /** Returns all pools with holders or waiters. */
  pools(): Promise<PoolRecord[]>;
}

/** What an entry must be like, and takes along, when it is erased. */
export interface Erasure {
  /** Value of the entry: nothing is erased when it has another one by now. */
  readonly expected?: string | undefined;
  /** Map that the entry owns, which is erased in the same step. Without `expected`, also where the entry is gone. */
  readonly owned?: string | undefined;
  /** Ended execution that keeps the owned map for a time, in milliseconds, instead of its erasure. */
  readonly keptBy?: { readonly id: string; readonly ttl: number } | undefined;
}

/** Maps of text that all processes share. A map is made by its first entry. */
export interface SharedMaps {
  /** @param version what was read last: nothing is returned while the map is still the same. */
  read(map: string, version?: string): Promise<SharedMap | undefined>;
  /** @param owner an entry of another map, without which nothing is written. */
  write(map: string, field: string, value: string, owner?: EntryName): Promise<void>;
  /** @returns whether the entry was there. */
  erase(map: string, field: string, erasure?: Erasure): Promise<boolean>;
  /** Counts the entries of a map. */
  size(map: string): Promise<number>;
  /** Returns the entries of the map that an execution keeps: forgotten with it. */
  kept(id: string): Promise<ReadonlyMap<string, string>>;
}

/** Lines that runs have logged, kept with their executions. Of two texts of one execution the greater stays. */
export interface LogStore {
  /** @param ttl time for which they are kept, in milliseconds, where nothing else ends with the execution. */
  write(id: string, text: string, ttl: number): Promise<void>;
  read(id: string): Promise<string | undefined>;
}

/** Hints that processes give each other. */
export interface Signals {
  publish(signal: Signal): Promise<void>;
  /** @returns what ends the subscription. */
  subscribe(listener: (signal: Signal) => void): Promise<() => void>;
}

/**
 * Store of executions and their runs. A key is taken from `add` until its execution has ended; ended executions are remembered for
 * the queue's `retention`, and a little longer for their handles.
 *
 * All calls but `close()` connect first, and reject with {@link BrokerUnavailableError}, soon, when that fails.
 */
export interface Broker {
  /** Name in messages. */
  readonly label: string;
  /** Executions survive the process, and other processes see them. */
  readonly isShared: boolean;
  readonly executions: ExecutionStore;
  readonly ended: EndedStore;
  readonly runs: RunStore;
  readonly limits: LimitStore;
  readonly logs: LogStore;
  readonly maps: SharedMaps;
  readonly signals: Signals;
  readonly timeline: TimelineStore;
  readonly duties: Duties;

  /** Makes sure that it is there, and ready for use. */
  connect(): Promise<void>;
  /** Lets go of connections and timers. */
  close(): Promise<void>;
}

export const BROKER = Symbol('BROKER');
