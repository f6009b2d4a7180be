/*
 * Rules of limits. Memory, Redis and PostgreSQL cite them by number beside the code; limit-rules.e2e-spec.ts holds the three
 * against each other. A time that begins at `t` and lasts for `w` milliseconds is over at `t + w`.
 *
 * In general
 * R1  Each call is one atomic step at one time: the time of the database server, or of the process for the memory broker.
 * R2  An execution has a list of limits. `admit` asks rates, cooldowns and debounces first, in the order of the list. The
 *     first closed one gives the answer, and `admit` does not ask those after it.
 * R3  An execution that is rejected by R2 leaves its slots and its place in line: others can use the slots meanwhile.
 * R4  `admit` asks for slots last. An execution counts as started (R21, R26, R30) only when it has all of its slots.
 * R5  Only the claim that holds the lease of its execution is admitted. A claim that has lost the lease takes nothing.
 *
 * Slots: order
 * R6  An execution holds a slot in each of its pools, or in none. A pool is full for an execution when it has at least
 *     `max` holders, by the execution's own `max`. Of two limits with one pool, the smaller `max` counts.
 * R7  A newcomer that cannot hold its slots waits in one line: that of its first pool that has a line or is full. A newcomer
 *     does not overtake a line, even where a slot is free. Before it lines up, the lines of its pools are served (R9).
 * R8  Lines are ordered by `since`, when the run was due at first; for equal times, by when the execution was added. A waiter
 *     that asks again keeps its place, also under another claim.
 * R9  Serving a pool looks at the first waiter of its line. If none of the waiter's pools is full, the waiter gets its slots,
 *     and the next waiter is looked at. If the first full pool of its list is another one, the waiter moves to that line, and
 *     the next waiter is looked at. If it is the served pool, serving ends: nobody overtakes the first waiter.
 * R10 Slots that are granted by R9 have no claim yet. The call returns the execution, which is to be woken. It does not
 *     return an execution that asks in the same call.
 * R11 Slots that are granted belong to the first claim that asks for them, or that renews its lease (R17).
 *
 * Slots: release
 * R12 `release` frees the slots of this claim, or slots that are granted and have no claim. Slots of another claim stay,
 *     and a waiter keeps its place.
 * R13 Freed pools are served in the order of the execution's list: after `release`, and after R3 and R15.
 * R14 Where one step frees the slots of several executions, all of them leave before the pools are served. The order of these
 *     pools is open, and whether a newcomer of the same call precedes them. So is the order where `forget` frees several pools.
 * R15 An execution that asks with other slots than before leaves, and arrives as a newcomer: another deploy has other limits.
 *
 * Slots: leases
 * R16 A slot lasts for one lease from its last `admit`, grant or `renew`.
 * R17 `renew` prolongs the slots of this claim, also after the end of their lease, if they have not been taken by R18. It has
 *     no effect on waiters and on slots of other claims. A holder that asks again prolongs its slots in the same way.
 * R18 A slot whose lease is over counts until a call finds its pool full, or until a sweep. Then its holder loses the slots of
 *     all its pools, which are served (R14). Slots that are granted are not lost: they get a new lease, and the execution
 *     is woken again.
 * R19 `sweep` applies R18 to all pools. It may serve other lines as well. It returns the next end of a lease in the pools that
 *     have a line.
 * R20 `forget` frees slots, places in line and places of rates (R23). Starts, cooldowns and debounces stay. A pool without
 *     holders and waiters does not exist.
 *
 * Rates
 * R21 Each attempt, retries included, counts from its start for `per`. An attempt that is admitted again counts once, from the
 *     last time.
 * R22 An attempt is over the rate where `max` starts and kept places count. It may start `per` after the `max`-th latest of
 *     them. If the limit refuses, the attempt is refused, and no place is kept.
 * R23 Otherwise a place is kept for the attempt at that time. It counts as a start at that time. An attempt that asks earlier
 *     gets the same time again.
 * R24 An attempt that asks at that time or later gives the place back. Places that are kept for times to come do not count
 *     against it. A place whose attempt does not ask counts until `per` after its time.
 *
 * Cooldowns
 * R25 A cooldown refuses first attempts of other runs. Retries pass, and so does the run that has begun the cooldown.
 * R26 The start of a first attempt begins a cooldown, if none lasts. Nothing prolongs it.
 *
 * Debounces
 * R27 Retries pass. A first attempt that was added after all others of its burst becomes the last one. It is due `window` after
 *     its arrival, but no later than `maxWait` after the first arrival of the burst.
 * R28 The last one gets the time when it is due, each time that it asks earlier. From that time on it passes, which may be at
 *     once.
 * R29 An attempt is refused if it was added before the last one of the burst, or before the last one that has started.
 * R30 The start of the last one ends the burst. If that attempt asks again, it passes. The next arrival begins a burst.
 * R31 An arrival more than LATEST after the last one was due begins a burst as well: the last one is lost.
 * R32 A debounce is forgotten one window and BURST_MEMORY after its last one was due, and with it whom R29 refuses.
 */

/**
 * Limit that an execution must pass before each of its runs. Limits with the same pool count together, fleet-wide. Times are
 * in milliseconds.
 */
export type Limit =
  /**
   * Concurrency limit: at most `max` executions run at once. Others wait in line, by when they were due (R6 to R20).
   */
  | { readonly type: 'concurrency'; readonly pool: string; readonly max: number }
  /** Rate limit: at most `max` attempts start in any time of `per`. Others come again, or are refused (R21 to R24). */
  | {
      readonly type: 'rate';
      readonly pool: string;
      readonly max: number;
      readonly per: number;
      readonly refuses: boolean;
    }
  /** Cooldown: a start refuses other runs for `window` (R25, R26). */
  | { readonly type: 'cooldown'; readonly pool: string; readonly window: number }
  /** Debounce: the last execution of a burst runs, `window` after it or `maxWait` after the first (R27 to R32). */
  | {
      readonly type: 'debounce';
      readonly pool: string;
      readonly window: number;
      readonly maxWait: number | undefined;
    };

/** Answer of all limits of an execution: it passes all at once, or none. */
export type Admission =
  | { readonly type: 'admitted' }
  /** Waits in line for a slot of a pool. Once the execution is parked, a call that hands it its slots wakes it. */
  | { readonly type: 'waits'; readonly limit: Limit; /** Number of waiters before it. */ readonly ahead?: number }
  | { readonly type: 'later'; readonly limit: Limit; readonly at: number }
  | { readonly type: 'refused'; readonly limit: Limit };

/** Time for which a debounce is remembered after its windows, in milliseconds, to refuse the executions that it superseded. */
export const BURST_MEMORY = 60_000;

/** Delay after which the last execution of a debounce counts as lost, in milliseconds from when it was due. */
export const LATEST = 5_000;

/** Execution that asks to start. */
export interface Candidate {
  readonly id: string;
  readonly key: string;
  /** Token of the claim. */
  readonly token: string;
  /** Number of the run, from 1. */
  readonly run: number;
  readonly attempt: number;
  /** Time when its run was due at first, in milliseconds since the epoch: its place in line. */
  readonly since: number;
  /** Text that sorts executions by when they were added. */
  readonly order: string;
}

/** Holder of slots, or a waiter, by its execution's id and key. */
export interface PoolMember {
  readonly id: string;
  readonly key: string;
  /** Number of claims that it had when the call that returns it put it into the queue; none if it is still to be woken. */
  readonly queuedAfter?: number;
}

/** Pool of slots that has holders or waiters. */
export interface PoolRecord {
  readonly pool: string;
  /** Greatest maximum that its holders and waiters ask with. */
  readonly max: number;
  readonly holders: readonly PoolMember[];
  /** Waiters, in the order of the line. */
  readonly waiters: readonly PoolMember[];
}

/**
 * Store of limits, by the rules R1 to R32. Calls that return executions have handed them their slots: these are to be woken
 * (R10).
 */
export interface Limiter {
  /** Asks all limits of an execution (R2 to R4). */
  admit(candidate: Candidate, limits: readonly Limit[]): Promise<{ admission: Admission; woken: PoolMember[] }>;
  /** Frees the slots of a claim whose run is over, or that does not come for them (R12). */
  release(id: string, token: string): Promise<PoolMember[]>;
  /** Tells whether its slots are granted, and have no claim yet (R10). */
  isGranted(id: string): Promise<boolean>;
  /** Removes executions that are gone, with their slots and places (R20). */
  forget(ids: readonly string[]): Promise<PoolMember[]>;
  /** Prolongs the leases of slots (R17). */
  renew(holders: readonly { readonly id: string; readonly token: string }[]): Promise<void>;
  /** Takes slots whose lease is over (R19). */
  sweep(): Promise<{ woken: PoolMember[]; /** Next end of a lease that a waiter waits for. */ nextAt?: number }>;
  /** Returns all pools that have holders or waiters. */
  pools(): Promise<PoolRecord[]>;
}
