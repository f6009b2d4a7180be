import type { Clock } from '../clock.js';
import type { Admission, Gate, Guest, PoolRecord, Visitor } from '../gate.js';
import { MemorySlots } from './memory-slots.js';
import { MemoryWindows } from './memory-windows.js';

/** Limits in this process, by the rules of ../gate.ts. */
export class MemoryGates {
  private readonly slots: MemorySlots;
  private readonly windows: MemoryWindows;

  constructor(clock: Clock, lease: number) {
    this.slots = new MemorySlots(clock, lease);
    this.windows = new MemoryWindows(clock);
  }

  /** Asks all limits of an execution (R2 to R4). */
  admit(visitor: Visitor, gates: readonly Gate[]): { admission: Admission; woken: Guest[] } {
    const woken: Guest[] = [];
    const turnedAway = this.windows.turnAway(visitor, gates);
    if (turnedAway !== undefined) {
      this.slots.forget([visitor.id], woken); // R3
      return { admission: turnedAway, woken };
    }
    const wanted = gates.filter((gate) => gate.type === 'concurrency');
    const line = this.slots.occupy(visitor, wanted, woken);
    for (const gate of gates) this.windows.note(gate, visitor, line === undefined);
    const gate = wanted.find(({ pool }) => pool === line);
    return { admission: gate === undefined ? { type: 'admitted' } : { type: 'waits', gate }, woken };
  }

  release(id: string, token: string): Guest[] {
    const woken: Guest[] = [];
    this.slots.release(id, token, woken);
    return woken;
  }

  isHandedOver(id: string): boolean {
    return this.slots.isHandedOver(id);
  }

  forget(...ids: readonly string[]): Guest[] {
    const woken: Guest[] = [];
    this.slots.forget(ids, woken);
    for (const id of ids) this.windows.forget(id);
    return woken;
  }

  renew(holders: readonly { readonly id: string; readonly token: string }[]): void {
    this.slots.renew(holders);
  }

  sweep(): { woken: Guest[]; nextAt?: number } {
    const woken: Guest[] = [];
    const nextAt = this.slots.sweep(woken);
    this.windows.sweep();
    return { woken, ...(nextAt !== undefined && { nextAt }) };
  }

  pools(): PoolRecord[] {
    return this.slots.pools();
  }
}
