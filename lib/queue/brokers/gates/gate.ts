/**
 * A rule that an execution must pass before each of its runs. What shares a pool is counted together, fleet-wide. Times
 * are in milliseconds.
 */
export type Gate =
  /** At most `max` run at once. Who finds no slot waits in line, where those come first that were due first. */
  | { readonly type: 'concurrency'; readonly pool: string; readonly max: number }
  /** At most `limit` starts in any time of `per`. Who is over it comes again when there is room, or is refused. */
  | {
      readonly type: 'rate';
      readonly pool: string;
      readonly limit: number;
      readonly per: number;
      readonly refuses: boolean;
    }
  /** A start closes it for the others. */
  | { readonly type: 'cooldown'; readonly pool: string; readonly window: number }
  /** Opens when nobody has come for `window`, at the latest `maxWait` after the first: for the last one. */
  | {
      readonly type: 'debounce';
      readonly pool: string;
      readonly window: number;
      readonly maxWait: number | undefined;
    };

/** What came of the gates that an execution has to pass: all at once, or none. */
export type Admission =
  | { readonly type: 'admitted' }
  /** It is in line for a slot of a pool. Once it is parked, whoever lets go of one wakes it. */
  | { readonly type: 'waits'; readonly gate: Gate; /** How many come before it. */ readonly ahead?: number }
  | { readonly type: 'later'; readonly gate: Gate; readonly at: number }
  | { readonly type: 'refused'; readonly gate: Gate };

/** How long a debounce remembers who has passed beyond its times, for those whom that one has superseded. */
export const BURST_MEMORY = 60_000;

/** How long after its time the last one of a debounce may come, in milliseconds, before it counts as lost. */
export const LATEST = 5_000;

/** Who wants to pass. */
export interface Visitor {
  /** The execution's. */
  readonly id: string;
  readonly key: string;
  /** Of the claim. */
  readonly token: string;
  /** Which of its runs, from 1. */
  readonly run: number;
  readonly attempt: number;
  /** When its run was due at first, in milliseconds since the epoch: its place in line. */
  readonly since: number;
  /** Sorts executions by when they were added. */
  readonly order: string;
}

/** A holder of slots, or one in line for them, by its execution's id and key. */
export interface Guest {
  readonly id: string;
  readonly key: string;
  /** Of one that is to be woken: it has been already, after so many claims. */
  readonly queuedAfter?: number;
}

/** A pool of slots that somebody holds or waits for. */
export interface PoolRecord {
  readonly pool: string;
  /** The greatest that anybody has asked with. */
  readonly max: number;
  readonly holders: readonly Guest[];
  /** First in first out. */
  readonly waiters: readonly Guest[];
}

/**
 * Keeps the gates' books. Each call is one atomic step. Slots belong to an execution under the token of its claim, and
 * under a lease. Calls that free slots hand them to those in line, and return who got all that it needs: these are to be
 * woken.
 */
export interface Gatekeeper {
  /** Asked again, it keeps its place in line; a slot that it was handed becomes its own. */
  admit(visitor: Visitor, gates: readonly Gate[]): Promise<{ admission: Admission; woken: Guest[] }>;
  /** The run is over. One that was handed its slots, and has not come to ask for them, releases them as well. */
  release(id: string, token: string): Promise<Guest[]>;
  /** Whether it was handed what it waits for, and has not come for it yet. */
  isHandedOver(id: string): Promise<boolean>;
  /** The execution is gone: so are its slots and its places in line. */
  forget(id: string): Promise<Guest[]>;
  /** Prolongs the leases of slots; what was handed over belongs to the claim from then on. */
  renew(holders: readonly { readonly id: string; readonly token: string }[]): Promise<void>;
  /** Takes slots whose lease has expired. Returns those, too, that were handed a slot some time ago and have not come. */
  sweep(): Promise<{ woken: Guest[]; /** When the next slot expires that somebody waits for. */ nextAt?: number }>;
  pools(): Promise<PoolRecord[]>;
}
