import type { Clock } from '../../clock.js';
import { BURST_MEMORY, type Admission, type Gate, type Guest, type PoolRecord, type Visitor } from './gate.js';

type Concurrency = Extract<Gate, { type: 'concurrency' }>;
type Rate = Extract<Gate, { type: 'rate' }>;
type Cooldown = Extract<Gate, { type: 'cooldown' }>;
type Debounce = Extract<Gate, { type: 'debounce' }>;

/** What an execution needs slots of, and where it stands. */
interface Stay extends Guest {
  readonly gates: readonly Concurrency[];
  /** Of the claim that holds the slots; none while they are on offer, or waited for. */
  token: string | undefined;
  /** The pool in whose line it stands. */
  line: string | undefined;
  /** Its place there: of two, the smaller came first. */
  readonly number: number;
}

/** The gates' books in this process, by the rules of {@link Gatekeeper}. */
export class MemoryGates {
  private readonly stays = new Map<string, Stay>();
  /** By pool: who holds a slot, and until when. */
  private readonly slots = new Map<string, Map<string, number>>();
  /** By pool: who waits, in order. */
  private readonly lines = new Map<string, Stay[]>();
  /** By pool: which runs have started when, or will. */
  private readonly starts = new Map<string, Map<string, number>>();
  private readonly cooldowns = new Map<string, { readonly run: string; readonly until: number }>();
  private readonly debounces = new Map<string, Burst>();
  /** Pools of a dead holder that are still to be looked at. */
  private readonly freed: string[] = [];
  private number = 0;

  constructor(
    private readonly clock: Clock,
    /** In milliseconds. */
    private readonly lease: number,
  ) {}

  admit(visitor: Visitor, gates: readonly Gate[]): { admission: Admission; woken: Guest[] } {
    const woken: Guest[] = [];
    const admission = this.pass(visitor, gates, woken);
    this.serveFreed(woken);
    return { admission, woken };
  }

  release(id: string, token: string): Guest[] {
    const stay = this.stays.get(id);
    const woken: Guest[] = [];
    if (stay !== undefined && (stay.token ?? token) === token) this.leave(stay, woken);
    this.serveFreed(woken);
    return woken;
  }

  isHandedOver(id: string): boolean {
    const stay = this.stays.get(id);
    return stay !== undefined && isOnOffer(stay);
  }

  forget(id: string): Guest[] {
    const stay = this.stays.get(id);
    const woken: Guest[] = [];
    if (stay !== undefined) this.leave(stay, woken);
    const now = this.clock.now();
    for (const starts of this.starts.values()) {
      for (const [run, at] of starts) if (at > now && run.startsWith(`${id}#`)) starts.delete(run);
    }
    return woken;
  }

  renew(holders: readonly { readonly id: string; readonly token: string }[]): void {
    for (const { id, token } of holders) {
      const stay = this.stays.get(id);
      if (stay === undefined || stay.line !== undefined || (stay.token ?? token) !== token) continue;
      stay.token = token;
      this.take(stay);
    }
  }

  sweep(): { woken: Guest[]; nextAt?: number } {
    const woken: Guest[] = [];
    const now = this.clock.now();
    for (const pool of this.slots.keys()) this.expire(pool, woken);
    for (const pool of this.lines.keys()) this.serve(pool, woken);
    this.serveFreed(woken);
    for (const [pool, { until }] of this.cooldowns) if (until <= now) this.cooldowns.delete(pool);
    for (const [pool, { until }] of this.debounces) if (until <= now) this.debounces.delete(pool);
    for (const [pool, starts] of this.starts) {
      if (Math.max(...starts.values()) + BURST_MEMORY < now) this.starts.delete(pool);
    }
    const expiries = [...this.lines.keys()].flatMap((pool) => [...(this.slots.get(pool)?.values() ?? [])]);
    return { woken, ...(expiries.length > 0 && { nextAt: Math.min(...expiries) }) };
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

  /** First what may turn it away, without a trace; then the slots; and only then the others take note of it. */
  private pass(visitor: Visitor, gates: readonly Gate[], woken: Guest[]): Admission {
    const turnedAway = this.turnAway(visitor, gates);
    if (turnedAway !== undefined) {
      const stay = this.stays.get(visitor.id);
      if (stay !== undefined) this.leave(stay, woken); // others can use its slots meanwhile
      return turnedAway;
    }
    const slots = gates.filter((gate) => gate.type === 'concurrency');
    const line = this.occupy(visitor, slots, woken);
    for (const gate of gates) this.note(gate, visitor, line === undefined);
    const gate = slots.find(({ pool }) => pool === line);
    return gate === undefined ? { type: 'admitted' } : { type: 'waits', gate };
  }

  private turnAway(visitor: Visitor, gates: readonly Gate[]): Admission | undefined {
    for (const gate of gates) {
      if (gate.type === 'debounce') {
        const at = this.debounce(gate, visitor);
        if (at === 'never') return { type: 'refused', gate };
        if (at !== undefined) return { type: 'later', gate, at };
      } else if (gate.type === 'cooldown') {
        if (this.isCoolingDown(gate, visitor)) return { type: 'refused', gate };
      } else if (gate.type === 'rate') {
        const at = this.nextStart(gate, visitor);
        if (at !== undefined) return gate.refuses ? { type: 'refused', gate } : { type: 'later', gate, at };
      }
    }
    return undefined;
  }

  /** @returns when it may come again, if not now. */
  private debounce({ pool, window, maxWait }: Debounce, { order, attempt }: Visitor): number | 'never' | undefined {
    if (attempt > 1) return undefined;
    const now = this.clock.now();
    const known = this.debounces.get(pool);
    const burst = known === undefined || known.until <= now ? undefined : known;
    if (burst?.passed !== undefined && order <= burst.passed) return order === burst.passed ? undefined : 'never';
    if (burst?.last !== undefined && order < burst.last) return 'never';
    if (burst?.last === order) return burst.dueAt <= now ? undefined : burst.dueAt;
    const firstAt = burst?.last === undefined ? now : burst.firstAt;
    const dueAt = Math.min(now + window, firstAt + (maxWait ?? Infinity));
    const until = dueAt + window + BURST_MEMORY;
    this.debounces.set(pool, { firstAt, dueAt, last: order, passed: burst?.passed, until });
    return dueAt <= now ? undefined : dueAt;
  }

  private isCoolingDown({ pool }: Cooldown, visitor: Visitor): boolean {
    const cooldown = this.cooldowns.get(pool);
    return cooldown !== undefined && cooldown.until > this.clock.now() && cooldown.run !== runOf(visitor);
  }

  /** Keeps a place for it when that is not now. */
  private nextStart({ pool, limit, per, refuses }: Rate, visitor: Visitor): number | undefined {
    const now = this.clock.now();
    const starts = this.starts.get(pool) ?? new Map<string, number>();
    this.starts.set(pool, starts);
    for (const [run, at] of starts) if (at <= now - per) starts.delete(run);
    const own = attemptOf(visitor);
    const reserved = starts.get(own);
    if (reserved !== undefined && reserved > now) return reserved;
    starts.delete(own);
    // One that comes for its place does not stand behind those whose places are later.
    const others = [...starts.values()].filter((at) => reserved === undefined || at <= now).toSorted((a, b) => a - b);
    const freeing = others.at(-limit);
    if (others.length < limit || freeing === undefined || freeing + per <= now) return undefined;
    if (!refuses) starts.set(own, freeing + per);
    return freeing + per;
  }

  /** @returns the pool in whose line it stands, if it has to. */
  private occupy(visitor: Visitor, gates: readonly Concurrency[], woken: Guest[]): string | undefined {
    const { id, key, token } = visitor;
    let stay = this.stays.get(id);
    if (stay !== undefined && !isSame(stay.gates, gates)) {
      this.leave(stay, woken); // another deploy has other rules
      stay = undefined;
    }
    if (gates.length === 0) return undefined;
    if (stay === undefined) {
      stay = { id, key, gates, token: undefined, line: undefined, number: (this.number += 1) };
      this.stays.set(id, stay);
      // Those who stand in line for it have come first.
      for (const { pool } of gates) this.serve(pool, woken);
      const line = gates.find(({ pool, max }) => this.lines.has(pool) || !this.hasRoom(pool, max, woken));
      if (line === undefined) this.take(stay);
      else this.lineUp(stay, line.pool);
    } else if (stay.line !== undefined) {
      const own: Guest[] = [];
      this.serve(stay.line, own);
      woken.push(...own.filter((guest) => guest.id !== id));
    }
    if (stay.line !== undefined) return stay.line;
    stay.token = token;
    this.take(stay);
    return undefined;
  }

  private note(gate: Gate, visitor: Visitor, isAdmitted: boolean): void {
    const now = this.clock.now();
    if (gate.type === 'rate') {
      const starts = this.starts.get(gate.pool);
      if (isAdmitted) starts?.set(attemptOf(visitor), now);
      else starts?.delete(attemptOf(visitor));
    }
    if (!isAdmitted) return;
    if (gate.type === 'cooldown' && visitor.attempt === 1) {
      const current = this.cooldowns.get(gate.pool);
      const isOwn = current !== undefined && current.until > now && current.run === runOf(visitor);
      if (!isOwn) this.cooldowns.set(gate.pool, { run: runOf(visitor), until: now + gate.window });
    }
    const burst = gate.type === 'debounce' ? this.debounces.get(gate.pool) : undefined;
    if (burst?.last === visitor.order) {
      this.debounces.set(gate.pool, { ...burst, last: undefined, passed: visitor.order });
    }
  }

  /** Hands free slots of a pool to those in line, in turn. Who needs one of another pool as well, lines up there. */
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

  private hasRoom(pool: string, max: number, woken: Guest[]): boolean {
    if ((this.slots.get(pool)?.size ?? 0) >= max) this.expire(pool, woken);
    return (this.slots.get(pool)?.size ?? 0) < max;
  }

  /** Takes slots away whose lease is over. One that is still on offer is offered again. */
  private expire(pool: string, woken: Guest[]): void {
    const now = this.clock.now();
    for (const [id, until] of this.slots.get(pool) ?? []) {
      if (until > now) continue;
      const stay = this.stays.get(id);
      if (stay !== undefined && isOnOffer(stay)) {
        this.take(stay);
        woken.push(guestOf(stay));
      } else if (stay !== undefined) {
        this.vacate(stay);
        // The slots that it had elsewhere, once this look is over.
        for (const gate of stay.gates) if (gate.pool !== pool) this.freed.push(gate.pool);
      }
    }
  }

  private serveFreed(woken: Guest[]): void {
    for (let pool = this.freed.pop(); pool !== undefined; pool = this.freed.pop()) this.serve(pool, woken);
  }

  private take(stay: Stay): void {
    const until = this.clock.now() + this.lease;
    for (const { pool } of stay.gates) {
      const holders = this.slots.get(pool) ?? new Map<string, number>();
      this.slots.set(pool, holders.set(stay.id, until));
    }
  }

  private lineUp(stay: Stay, pool: string): void {
    const line = this.lines.get(pool) ?? [];
    const behind = line.findIndex(({ number }) => number > stay.number);
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

  private vacate(stay: Stay): void {
    this.quitLine(stay);
    this.stays.delete(stay.id);
    for (const { pool } of stay.gates) {
      const holders = this.slots.get(pool);
      holders?.delete(stay.id);
      if (holders?.size === 0) this.slots.delete(pool);
    }
  }

  private leave(stay: Stay, woken: Guest[]): void {
    this.vacate(stay);
    for (const { pool } of stay.gates) this.serve(pool, woken);
  }
}

/** Those who have come one after the other. */
interface Burst {
  readonly firstAt: number;
  readonly dueAt: number;
  /** The order of the last who has come and not passed yet. */
  readonly last: string | undefined;
  /** Of the last who has passed. */
  readonly passed: string | undefined;
  readonly until: number;
}

function guestOf({ id, key }: Stay): Guest {
  return { id, key };
}

function isOnOffer({ token, line }: Stay): boolean {
  return token === undefined && line === undefined;
}

function isSame(some: readonly Concurrency[], others: readonly Concurrency[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}

function runOf({ id, run }: Visitor): string {
  return `${id}#${run}`;
}

function attemptOf({ id, run, attempt }: Visitor): string {
  return `${id}#${run}#${attempt}`;
}
