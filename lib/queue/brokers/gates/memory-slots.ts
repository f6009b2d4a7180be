import type { Clock } from '../../clock.js';
import type { Gate, Guest, PoolRecord, Visitor } from './gate.js';

type Concurrency = Extract<Gate, { type: 'concurrency' }>;

/** What an execution needs slots of, and where it stands. */
interface Stay extends Guest {
  readonly gates: readonly Concurrency[];
  /** Of the claim that holds the slots; none while they are on offer, or waited for. */
  token: string | undefined;
  /** The pool in whose line it stands. */
  line: string | undefined;
  /** Its place there: of two, the smaller was due first. */
  readonly since: number;
  readonly order: string;
}

/** Slots, who holds them and who waits for them. Calls that free some hand them on, and add to `woken` who got all it needs. */
export class MemorySlots {
  private readonly stays = new Map<string, Stay>();
  /** By pool: who holds a slot, and until when. */
  private readonly slots = new Map<string, Map<string, number>>();
  /** By pool: who waits, in order. */
  private readonly lines = new Map<string, Stay[]>();
  /** Pools of a dead holder that are still to be looked at. */
  private readonly freed: string[] = [];

  constructor(
    private readonly clock: Clock,
    /** In milliseconds. */
    private readonly lease: number,
  ) {}

  /** @returns the pool in whose line it stands, if it has to. */
  occupy(visitor: Visitor, gates: readonly Concurrency[], woken: Guest[]): string | undefined {
    const line = this.enter(visitor, gates, woken);
    this.serveFreed(woken);
    return line;
  }

  private enter(visitor: Visitor, gates: readonly Concurrency[], woken: Guest[]): string | undefined {
    const { id, key, token, order, since } = visitor;
    let stay = this.stays.get(id);
    if (stay !== undefined && !isSame(stay.gates, gates)) {
      this.leave(stay, woken); // another deploy has other rules
      stay = undefined;
    }
    if (gates.length === 0) return undefined;
    if (stay === undefined) {
      stay = { id, key, gates, token: undefined, line: undefined, since, order };
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

  release(id: string, token: string, woken: Guest[]): void {
    const stay = this.stays.get(id);
    if (stay !== undefined && (stay.token ?? token) === token) this.leave(stay, woken);
    this.serveFreed(woken);
  }

  forget(id: string, woken: Guest[]): void {
    const stay = this.stays.get(id);
    if (stay !== undefined) this.leave(stay, woken);
    this.serveFreed(woken);
  }

  isHandedOver(id: string): boolean {
    const stay = this.stays.get(id);
    return stay !== undefined && isOnOffer(stay);
  }

  renew(holders: readonly { readonly id: string; readonly token: string }[]): void {
    for (const { id, token } of holders) {
      const stay = this.stays.get(id);
      if (stay === undefined || stay.line !== undefined || (stay.token ?? token) !== token) continue;
      stay.token = token;
      this.take(stay);
    }
  }

  /** @returns when the next slot expires that somebody waits for. */
  sweep(woken: Guest[]): number | undefined {
    for (const pool of this.slots.keys()) this.expire(pool, woken);
    for (const pool of this.lines.keys()) this.serve(pool, woken);
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

  private serveFreed(woken: Guest[]): void {
    for (let pool = this.freed.pop(); pool !== undefined; pool = this.freed.pop()) this.serve(pool, woken);
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

  private take(stay: Stay): void {
    const until = this.clock.now() + this.lease;
    for (const { pool } of stay.gates) {
      const holders = this.slots.get(pool) ?? new Map<string, number>();
      this.slots.set(pool, holders.set(stay.id, until));
    }
  }

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
