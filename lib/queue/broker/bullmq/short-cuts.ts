import type { Admission, Limit, PoolMember } from '../limit.js';

type Waits = Extract<Admission, { readonly type: 'waits' }>;

/** Short cuts to slots that a database allows: they save calls to it, and change nobody's turn. */
export interface ShortCuts {
  /**
   * Tells whether a claim was handed its slots when it was put into the queue, and need not ask for them.
   *
   * @param claims how often its job has been claimed.
   */
  hasSlots(id: string, claims: number, limits: readonly Limit[]): boolean;
  /** @returns whether an execution was handed its slots while it waited; nothing where a wait here is not worthwhile. */
  wait(id: string, admission: Waits): Promise<boolean> | undefined;
  /** Ends the wait of an execution that was handed its slots. @returns whether it waits here. */
  endWait(id: string): boolean;
  /** Notes for how long a run of this process held a slot, in milliseconds. */
  noteHeld(pool: string, time: number): void;
  /** Notes an execution that was handed its slots. @returns whether it was put into the queue as well. */
  noteQueued(member: PoolMember): boolean;
}

/** Tells whether no limit goes by time: an execution with its slots has passed all of them. */
export function areSlots(limits: readonly Limit[]): boolean {
  return limits.every(({ type }) => type === 'concurrency');
}
