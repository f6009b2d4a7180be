import { systemClock } from '../../clock.js';
import { ExpiringMap } from '../../expiring-map.js';
import type { Admission, Limit, PoolMember } from '../../limit.js';
import { areSlots, type ShortCuts } from '../short-cuts.js';
import { ShortWaits } from './short-waits.js';

type Waits = Extract<Admission, { readonly type: 'waits' }>;

/** Part of a lease for which granted slots surely belong to nobody else yet. */
const TRUST = 3;

/** Scripts on Redis tell how many come before an execution in line, and whom they have put into the queue. */
export class RedisShortCuts implements ShortCuts {
  private readonly shortWaits = new ShortWaits();
  /** Executions that were handed slots by a run of this process a moment ago, with the number of the claim that has them. */
  private readonly handed: ExpiringMap<string, number>;

  /** @param lease in milliseconds. */
  constructor(lease: number) {
    this.handed = new ExpiringMap(systemClock, lease / TRUST);
  }

  hasSlots(id: string, claims: number, limits: readonly Limit[]): boolean {
    return this.handed.take(id) === claims && areSlots(limits);
  }

  wait(id: string, { limit, ahead }: Waits): Promise<boolean> | undefined {
    const isWorthwhile = ahead !== undefined && this.shortWaits.isWorthwhile(limit.pool, ahead);
    return isWorthwhile ? this.shortWaits.wait(id) : undefined;
  }

  endWait(id: string): boolean {
    return this.shortWaits.end(id);
  }

  noteHeld(pool: string, time: number): void {
    this.shortWaits.note(pool, time);
  }

  noteQueued({ id, queuedAfter }: PoolMember): boolean {
    if (queuedAfter === undefined) return false;
    this.handed.set(id, queuedAfter + 1);
    return true;
  }
}
