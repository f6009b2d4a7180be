import type { Clock } from '../clock.js';
import type { Gate, Guest, PoolRecord, Visitor } from '../gate.js';

type Concurrency = Extract<Gate, { type: 'concurrency' }>;

/** Execution with slots or a place in line. */
interface Stay extends Guest {
  readonly gates: readonly Concurrency[];
  /** Token of the claim that holds the slots; none of a waiter, or of slots that are handed over (R10). */
  token: string | undefined;
  /** Pool in whose line it waits. */
  line: string | undefined;
  /** Its place there (R8). */
  readonly since: number;
  readonly order: string;
}

/**
 * Slots with their holders and waiters, by the rules of ../gate.ts. Calls that free slots hand them to waiters, and add those
 * to `woken`.
 */
export class MemorySlots {
  private readonly stays = new Map<string, Stay>();
  /** By pool: holders, with the end of their leases. */
  private readonly slots = new Map<string, Map<string, number>>();
  /** By pool: waiters, in order. */
  private readonly lines = new Map<string, Stay[]>();
  /** Pools of executions that have left, which are still to be served (R14). */
  private readonly freed: string[] = [];

  constructor(
    private readonly clock: Clock,
    /** Lease of a slot, in milliseconds. */
    private readonly lease: number,
  ) {}

  /** Takes all slots of an execution, or none (R6). @returns the pool in whose line it waits for them. */
  occupy(visitor: Visitor, gates: readonly Concurrency[], woken: Guest[]): string | undefined {
    const line = this.enter(visitor, gates, woken);
    this.serveFreed(woken);
    return line;
  }

  private enter(visitor: Visitor, gates: readonly Concurrency[], woken: Guest[]): string | undefined {
    const { id, key, token, order, since } = visitor;
    let stay = this.stays.get(id);
    if (stay !== undefined && !isSame(stay.gates, gates)) {
      this.leave(stay, woken); // R15
      stay = undefined;
    }
    if (gates.length === 0) return undefined;
    if (stay === undefined) {
      stay = { id, key, gates, token: undefined, line: undefined, since, order };
      this.stays.set(id, stay);
      // R7
      for (const { pool } of gates) this.serve(pool, woken);
      const line = gates.find(({ pool, max }) => this.lines.has(pool) || !this.hasRoom(pool, max, woken));
      if (line === undefined) this.take(stay);
      else this.lineUp(stay, line.pool);
    } else if (stay.line !== undefined) {
      // R10
      const own: Guest[] = [];
      this.serve(stay.line, own);
      woken.push(...own.filter((guest) => guest.id !== id));
    }
    if (stay.line !== undefined) return stay.line;
    stay.token = token; // R11, R17
    this.take(stay);
    return undefined;
  }

  /** Frees the slots of this claim, and none of a waiter (R12). */
  release(id: string, token: string, woken: Guest[]): void {
    const stay = this.stays.get(id);
    if (stay?.line === undefined && stay !== undefined && (stay.token ?? token) === token) this.leave(stay, woken);
    this.serveFreed(woken);
  }

  /** Removes executions. All leave before their pools are served, or some of them would be (R14, R20). */
  forget(ids: readonly string[], woken: Guest[]): void {
    for (const id of ids) {
      const stay = this.stays.get(id);
      if (stay === undefined) continue;
      this.vacate(stay);
      for (const { pool } of stay.gates) this.freed.push(pool);
    }
    this.serveFreed(woken);
  }

  isHandedOver(id: string): boolean {
    const stay = this.stays.get(id);
    return stay !== undefined && isOnOffer(stay);
  }

  /** Prolongs the slots of claims (R17). */
  renew(holders: readonly { readonly id: string; readonly token: string }[]): void {
    for (const { id, token } of holders) {
      const stay = this.stays.get(id);
      if (stay === undefined || stay.line !== undefined || (stay.token ?? token) !== token) continue;
      stay.token = token;
      this.take(stay);
    }
  }

  /** Takes slots whose lease is over (R19). @returns the next end of a lease that a waiter waits for. */
  sweep(woken: Guest[]): number | undefined {
    for (const pool of this.slots.keys()) if (this.expire(pool, woken)) this.freed.push(pool);
    this.serveFreed(woken);
    const expiries = [...this.lines.keys()].flatMap((pool) => [...(this.slots.get(pool)?.values() ?? [])]);
    return expiries.length === 0 ? undefined : Math.min(...expiries);
  }

  pools(): PoolRecord[] {
    const pools = new Set([...this.slots.keys(), ...this.lines.keys()]);
    return [...pools].map((pool) => {
      const holders = [...(this.slots.get(pool)?.keys() ?? [])].flatMap((id) => this.stays.get(id) ?? []);
      const waiters = this.lines.get(pool) ?? [];
      const maxima = [...holders, ...waiters].map((stay) => stay.gates.find((gate) => gate.pool === pool)?.max ?? 0);
      return { pool, max: Math.max(...maxima), holders: holders.map(guestOf), waiters: waiters.map(guestOf) };
    });
  }

  /** Hands free slots of a pool to its waiters, in turn (R9). */
  private serve(pool: string, woken: Guest[]): void {
    for (let [first] = this.lines.get(pool) ?? []; first !== undefined; [first] = this.lines.get(pool) ?? []) {
      const stay = first;
      const full = stay.gates.find((gate) => !this.hasRoom(gate.pool, gate.max, woken));
      if (full?.pool === pool) return;
      this.quitLine(stay);
      if (full === undefined) {
        this.take(stay);
        woken.push(guestOf(stay));
      } else this.lineUp(stay, full.pool);
    }
  }

  private serveFreed(woken: Guest[]): void {
    for (let pool = this.freed.shift(); pool !== undefined; pool = this.freed.shift()) this.serve(pool, woken);
  }

  private hasRoom(pool: string, max: number, woken: Guest[]): boolean {
    if ((this.slots.get(pool)?.size ?? 0) >= max) this.expire(pool, woken);
    return (this.slots.get(pool)?.size ?? 0) < max;
  }

  /** Takes slots whose lease is over (R18). @returns whether this has freed any. */
  private expire(pool: string, woken: Guest[]): boolean {
    const now = this.clock.now();
    let isFreed = false;
    for (const [id, until] of this.slots.get(pool) ?? []) {
      if (until > now) continue;
      const stay = this.stays.get(id);
      if (stay !== undefined && isOnOffer(stay)) {
        this.take(stay);
        woken.push(guestOf(stay));
      } else if (stay !== undefined) {
        this.vacate(stay);
        isFreed = true;
        // Served when the current pool has been: its waiters are being looked at.
        for (const gate of stay.gates) if (gate.pool !== pool) this.freed.push(gate.pool);
      }
    }
    return isFreed;
  }

  /** Begins a lease for all slots of an execution (R16). */
  private take(stay: Stay): void {
    const until = this.clock.now() + this.lease;
    for (const { pool } of stay.gates) {
      const holders = this.slots.get(pool) ?? new Map<string, number>();
      this.slots.set(pool, holders.set(stay.id, until));
    }
  }

  /** Adds a waiter to a line at its place (R8). */
  private lineUp(stay: Stay, pool: string): void {
    const line = this.lines.get(pool) ?? [];
    const behind = line.findIndex((other) => isBefore(stay, other));
    if (behind === -1) line.push(stay);
    else line.splice(behind, 0, stay);
    this.lines.set(pool, line);
    stay.line = pool;
  }

  private quitLine(stay: Stay): void {
    if (stay.line === undefined) return;
    const line = this.lines.get(stay.line) ?? [];
    line.splice(line.indexOf(stay), 1);
    if (line.length === 0) this.lines.delete(stay.line);
    stay.line = undefined;
  }

  /** Removes an execution from all of its pools, and serves none of them. */
  private vacate(stay: Stay): void {
    this.quitLine(stay);
    this.stays.delete(stay.id);
    for (const { pool } of stay.gates) {
      const holders = this.slots.get(pool);
      holders?.delete(stay.id);
      if (holders?.size === 0) this.slots.delete(pool);
    }
  }

  /** Removes an execution, and serves its pools in the order of its list (R13). */
  private leave(stay: Stay, woken: Guest[]): void {
    this.vacate(stay);
    for (const { pool } of stay.gates) this.serve(pool, woken);
  }
}

function guestOf({ id, key }: Stay): Guest {
  return { id, key };
}

function isBefore(a: Stay, b: Stay): boolean {
  return a.since === b.since ? a.order < b.order : a.since < b.since;
}

function isOnOffer({ token, line }: Stay): boolean {
  return token === undefined && line === undefined;
}

function isSame(some: readonly Concurrency[], others: readonly Concurrency[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}
