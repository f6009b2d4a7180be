import { systemClock } from '../../clock.js';
import { ExpiringMap } from '../../expiring-map.js';
import type { Admission, Gate, Guest } from '../../gate.js';
import { areSlots, type ShortCuts } from '../short-cuts.js';
import { BriefWaits } from './brief-waits.js';

type Waits = Extract<Admission, { readonly type: 'waits' }>;

/** The part of a lease for which what was handed over is surely not somebody else's yet. */
const TRUST = 3;

/** Scripts on Redis tell how many come before an execution in line, and whom they have put into the queue. */
export class RedisShortCuts implements ShortCuts {
  private readonly briefWaits = new BriefWaits();
  /** Executions that were handed slots by a run of this process a moment ago, with the number of the claim that has them. */
  private readonly handed: ExpiringMap<string, number>;

  /** @param lease in milliseconds. */
  constructor(lease: number) {
    this.handed = new ExpiringMap(systemClock, lease / TRUST);
  }

  hasSlots(id: string, claims: number, gates: readonly Gate[]): boolean {
    return this.handed.take(id) === claims && areSlots(gates);
  }

  wait(id: string, { gate, ahead }: Waits): Promise<boolean> | undefined {
    const isWorthwhile = ahead !== undefined && this.briefWaits.isWorthwhile(gate.pool, ahead);
    return isWorthwhile ? this.briefWaits.wait(id) : undefined;
  }

  endWait(id: string): boolean {
    return this.briefWaits.end(id);
  }

  noteHeld(pool: string, time: number): void {
    this.briefWaits.note(pool, time);
  }

  noteQueued({ id, queuedAfter }: Guest): boolean {
    if (queuedAfter === undefined) return false;
    this.handed.set(id, queuedAfter + 1);
    return true;
  }
}
