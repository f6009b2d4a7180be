import type { Clock } from '../clock.js';
import type { Admission, Limit, PoolMember, PoolRecord, Candidate } from '../limit.js';
import { MemorySlots } from './memory-slots.js';
import { MemoryWindows } from './memory-windows.js';

/** Limits in this process, by the rules of ../limit.ts. */
export class MemoryLimiter {
  private readonly slots: MemorySlots;
  private readonly windows: MemoryWindows;

  constructor(clock: Clock, lease: number) {
    this.slots = new MemorySlots(clock, lease);
    this.windows = new MemoryWindows(clock);
  }

  /** Asks all limits of an execution (R2 to R4). */
  admit(candidate: Candidate, limits: readonly Limit[]): { admission: Admission; woken: PoolMember[] } {
    const woken: PoolMember[] = [];
    const turnedAway = this.windows.reject(candidate, limits);
    if (turnedAway !== undefined) {
      this.slots.forget([candidate.id], woken); // R3
      return { admission: turnedAway, woken };
    }
    const wanted = limits.filter((limit) => limit.type === 'concurrency');
    const line = this.slots.occupy(candidate, wanted, woken);
    for (const limit of limits) this.windows.note(limit, candidate, line === undefined);
    const limit = wanted.find(({ pool }) => pool === line);
    return { admission: limit === undefined ? { type: 'admitted' } : { type: 'waits', limit }, woken };
  }

  release(id: string, token: string): PoolMember[] {
    const woken: PoolMember[] = [];
    this.slots.release(id, token, woken);
    return woken;
  }

  isGranted(id: string): boolean {
    return this.slots.isGranted(id);
  }

  forget(...ids: readonly string[]): PoolMember[] {
    const woken: PoolMember[] = [];
    this.slots.forget(ids, woken);
    for (const id of ids) this.windows.forget(id);
    return woken;
  }

  renew(holders: readonly { readonly id: string; readonly token: string }[]): void {
    this.slots.renew(holders);
  }

  sweep(): { woken: PoolMember[]; nextAt?: number } {
    const woken: PoolMember[] = [];
    const nextAt = this.slots.sweep(woken);
    this.windows.sweep();
    return { woken, ...(nextAt !== undefined && { nextAt }) };
  }

  pools(): PoolRecord[] {
    return this.slots.pools();
  }
}
