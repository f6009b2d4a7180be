import type { Clock } from '../clock.js';
import type { Limit, PoolMember, PoolRecord, Candidate } from '../limit.js';

type Concurrency = Extract<Limit, { type: 'concurrency' }>;

/** Execution with slots or a place in line. */
interface Ticket extends PoolMember {
  readonly limits: readonly Concurrency[];
  /** Token of the claim that holds the slots; none of a waiter, or of slots that are granted (R10). */
  token: string | undefined;
  /** Pool in whose line it waits. */
  line: string | undefined;
  /** Place in line (R8). */
  readonly since: number;
  readonly order: string;
}

/**
 * Slots with their holders and waiters, by the rules of ../limit.ts. Calls that free slots hand them to waiters, and add those
 * to `woken`.
 */
export class MemorySlots {
  private readonly tickets = new Map<string, Ticket>();
  /** Holders by pool, with the end of their leases. */
  private readonly slots = new Map<string, Map<string, number>>();
  /** Waiters by pool, in order. */
  private readonly lines = new Map<string, Ticket[]>();
  /** Pools of executions that have left, which are still to be served (R14). */
  private readonly freed: string[] = [];

  constructor(
    private readonly clock: Clock,
    /** Lease of a slot, in milliseconds. */
    private readonly lease: number,
  ) {}

  /** Takes all slots of an execution, or none (R6). @returns the pool in whose line it waits for them. */
  occupy(candidate: Candidate, limits: readonly Concurrency[], woken: PoolMember[]): string | undefined {
    const line = this.enter(candidate, limits, woken);
    this.serveFreed(woken);
    return line;
  }

  private enter(candidate: Candidate, limits: readonly Concurrency[], woken: PoolMember[]): string | undefined {
    const { id, key, token, order, since } = candidate;
    let ticket = this.tickets.get(id);
    if (ticket !== undefined && !isSame(ticket.limits, limits)) {
      this.leave(ticket, woken); // R15
      ticket = undefined;
    }
    if (limits.length === 0) return undefined;
    if (ticket === undefined) {
      ticket = { id, key, limits, token: undefined, line: undefined, since, order };
      this.tickets.set(id, ticket);
      // R7
      for (const { pool } of limits) this.serve(pool, woken);
      const line = limits.find(({ pool, max }) => this.lines.has(pool) || !this.hasRoom(pool, max, woken));
      if (line === undefined) this.take(ticket);
      else this.lineUp(ticket, line.pool);
    } else if (ticket.line !== undefined) {
      // R10
      const own: PoolMember[] = [];
      this.serve(ticket.line, own);
      woken.push(...own.filter((member) => member.id !== id));
    }
    if (ticket.line !== undefined) return ticket.line;
    ticket.token = token; // R11, R17
    this.take(ticket);
    return undefined;
  }

  /** Frees the slots of this claim, and none of a waiter (R12). */
  release(id: string, token: string, woken: PoolMember[]): void {
    const ticket = this.tickets.get(id);
    if (ticket?.line === undefined && ticket !== undefined && (ticket.token ?? token) === token)
      this.leave(ticket, woken);
    this.serveFreed(woken);
  }

  /** Removes executions. All leave before their pools are served, or some of them would be (R14, R20). */
  forget(ids: readonly string[], woken: PoolMember[]): void {
    for (const id of ids) {
      const ticket = this.tickets.get(id);
      if (ticket === undefined) continue;
      this.vacate(ticket);
      for (const { pool } of ticket.limits) this.freed.push(pool);
    }
    this.serveFreed(woken);
  }

  isGranted(id: string): boolean {
    const ticket = this.tickets.get(id);
    return ticket !== undefined && isGranted(ticket);
  }

  /** Prolongs the slots of claims (R17). */
  renew(holders: readonly { readonly id: string; readonly token: string }[]): void {
    for (const { id, token } of holders) {
      const ticket = this.tickets.get(id);
      if (ticket === undefined || ticket.line !== undefined || (ticket.token ?? token) !== token) continue;
      ticket.token = token;
      this.take(ticket);
    }
  }

  /** Takes slots whose lease is over (R19). @returns the next end of a lease that a waiter waits for. */
  sweep(woken: PoolMember[]): number | undefined {
    for (const pool of this.slots.keys()) if (this.expire(pool, woken)) this.freed.push(pool);
    this.serveFreed(woken);
    const expiries = [...this.lines.keys()].flatMap((pool) => [...(this.slots.get(pool)?.values() ?? [])]);
    return expiries.length === 0 ? undefined : Math.min(...expiries);
  }

  pools(): PoolRecord[] {
    const pools = new Set([...this.slots.keys(), ...this.lines.keys()]);
    return [...pools].map((pool) => {
      const holders = [...(this.slots.get(pool)?.keys() ?? [])].flatMap((id) => this.tickets.get(id) ?? []);
      const waiters = this.lines.get(pool) ?? [];
      const maxima = [...holders, ...waiters].map(
        (ticket) => ticket.limits.find((limit) => limit.pool === pool)?.max ?? 0,
      );
      return { pool, max: Math.max(...maxima), holders: holders.map(memberOf), waiters: waiters.map(memberOf) };
    });
  }

  /** Hands free slots of a pool to its waiters, in turn (R9). */
  private serve(pool: string, woken: PoolMember[]): void {
    for (let [first] = this.lines.get(pool) ?? []; first !== undefined; [first] = this.lines.get(pool) ?? []) {
      const ticket = first;
      const full = ticket.limits.find((limit) => !this.hasRoom(limit.pool, limit.max, woken));
      if (full?.pool === pool) return;
      this.quitLine(ticket);
      if (full === undefined) {
        this.take(ticket);
        woken.push(memberOf(ticket));
      } else this.lineUp(ticket, full.pool);
    }
  }

  private serveFreed(woken: PoolMember[]): void {
    for (let pool = this.freed.shift(); pool !== undefined; pool = this.freed.shift()) this.serve(pool, woken);
  }

  private hasRoom(pool: string, max: number, woken: PoolMember[]): boolean {
    if ((this.slots.get(pool)?.size ?? 0) >= max) this.expire(pool, woken);
    return (this.slots.get(pool)?.size ?? 0) < max;
  }

  /** Takes slots whose lease is over (R18). @returns whether this has freed any. */
  private expire(pool: string, woken: PoolMember[]): boolean {
    const now = this.clock.now();
    let isFreed = false;
    for (const [id, until] of this.slots.get(pool) ?? []) {
      if (until > now) continue;
      const ticket = this.tickets.get(id);
      if (ticket !== undefined && isGranted(ticket)) {
        this.take(ticket);
        woken.push(memberOf(ticket));
      } else if (ticket !== undefined) {
        this.vacate(ticket);
        isFreed = true;
        // Served when the current pool has been: its waiters are being looked at.
        for (const limit of ticket.limits) if (limit.pool !== pool) this.freed.push(limit.pool);
      }
    }
    return isFreed;
  }

  /** Begins a lease for all slots of an execution (R16). */
  private take(ticket: Ticket): void {
    const until = this.clock.now() + this.lease;
    for (const { pool } of ticket.limits) {
      const holders = this.slots.get(pool) ?? new Map<string, number>();
      this.slots.set(pool, holders.set(ticket.id, until));
    }
  }

  /** Adds a waiter to a line at its place (R8). */
  private lineUp(ticket: Ticket, pool: string): void {
    const line = this.lines.get(pool) ?? [];
    const behind = line.findIndex((other) => isBefore(ticket, other));
    if (behind === -1) line.push(ticket);
    else line.splice(behind, 0, ticket);
    this.lines.set(pool, line);
    ticket.line = pool;
  }

  private quitLine(ticket: Ticket): void {
    if (ticket.line === undefined) return;
    const line = this.lines.get(ticket.line) ?? [];
    line.splice(line.indexOf(ticket), 1);
    if (line.length === 0) this.lines.delete(ticket.line);
    ticket.line = undefined;
  }

  /** Removes an execution from all of its pools, and serves none of them. */
  private vacate(ticket: Ticket): void {
    this.quitLine(ticket);
    this.tickets.delete(ticket.id);
    for (const { pool } of ticket.limits) {
      const holders = this.slots.get(pool);
      holders?.delete(ticket.id);
      if (holders?.size === 0) this.slots.delete(pool);
    }
  }

  /** Removes an execution, and serves its pools in the order of its list (R13). */
  private leave(ticket: Ticket, woken: PoolMember[]): void {
    this.vacate(ticket);
    for (const { pool } of ticket.limits) this.serve(pool, woken);
  }
}

function memberOf({ id, key }: Ticket): PoolMember {
  return { id, key };
}

function isBefore(a: Ticket, b: Ticket): boolean {
  return a.since === b.since ? a.order < b.order : a.since < b.since;
}

function isGranted({ token, line }: Ticket): boolean {
  return token === undefined && line === undefined;
}

function isSame(some: readonly Concurrency[], others: readonly Concurrency[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}
