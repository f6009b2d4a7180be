import type { Clock } from '../clock.js';
import { BURST_MEMORY, LATEST, type Admission, type Gate, type Visitor } from '../gate.js';

type Rate = Extract<Gate, { type: 'rate' }>;
type Cooldown = Extract<Gate, { type: 'cooldown' }>;
type Debounce = Extract<Gate, { type: 'debounce' }>;

/** State of a debounce. */
interface Burst {
  readonly firstAt: number;
  readonly dueAt: number;
  /** Order of the last arrival; none when it has started (R30). */
  readonly last: string | undefined;
  /** Order of the last one that has started (R29). */
  readonly passed: string | undefined;
  /** Time when it is forgotten (R32). */
  readonly until: number;
}

interface Starts {
  /** Times of starts and of kept places, by attempt. */
  readonly attempts: Map<string, number>;
  /** Time when the last of them does not count any more. */
  until: number;
}

interface Place {
  readonly pool: string;
  readonly attempt: string;
}

/** Rates, cooldowns and debounces, by the rules of ../gate.ts. */
export class MemoryWindows {
  private readonly starts = new Map<string, Starts>();
  /** By execution: places that are kept for its attempts (R23). */
  private readonly places = new Map<string, Place[]>();
  private readonly cooldowns = new Map<string, { readonly run: string; readonly until: number }>();
  private readonly debounces = new Map<string, Burst>();

  constructor(private readonly clock: Clock) {}

  /** Returns the answer of the first closed limit, if one is (R2). */
  turnAway(visitor: Visitor, gates: readonly Gate[]): Admission | undefined {
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

  /** Counts a start, or none of an execution that waits for a slot (R4). */
  note(gate: Gate, visitor: Visitor, isAdmitted: boolean): void {
    const now = this.clock.now();
    if (gate.type === 'rate') {
      const starts = this.starts.get(gate.pool);
      // R21
      if (isAdmitted) starts?.attempts.set(attemptOf(visitor), now);
      else starts?.attempts.delete(attemptOf(visitor));
      this.dropPlace(gate.pool, visitor);
    }
    if (!isAdmitted) return;
    if (gate.type === 'cooldown' && visitor.attempt === 1) {
      // R26
      const current = this.cooldowns.get(gate.pool);
      const isOwn = current !== undefined && current.until > now && current.run === runOf(visitor);
      if (!isOwn) this.cooldowns.set(gate.pool, { run: runOf(visitor), until: now + gate.window });
    }
    const burst = gate.type === 'debounce' ? this.debounces.get(gate.pool) : undefined;
    if (burst?.last === visitor.order) {
      // R30
      this.debounces.set(gate.pool, { ...burst, last: undefined, passed: visitor.order });
    }
  }

  /** Frees the places that are kept for an execution (R20). */
  forget(id: string): void {
    for (const { pool, attempt } of this.places.get(id) ?? []) this.starts.get(pool)?.attempts.delete(attempt);
    this.places.delete(id);
  }

  sweep(): void {
    const now = this.clock.now();
    for (const [pool, { until }] of this.cooldowns) if (until <= now) this.cooldowns.delete(pool);
    for (const [pool, { until }] of this.debounces) if (until <= now) this.debounces.delete(pool);
    for (const [pool, starts] of this.starts) {
      if (starts.until <= now) this.starts.delete(pool);
    }
  }

  /** @returns the time when the attempt is due, if it does not pass now. */
  private debounce({ pool, window, maxWait }: Debounce, { order, attempt }: Visitor): number | 'never' | undefined {
    if (attempt > 1) return undefined; // R27
    const now = this.clock.now();
    const known = this.debounces.get(pool);
    const burst = known === undefined || known.until <= now ? undefined : known;
    // R30, R29
    if (burst?.passed !== undefined && order <= burst.passed) return order === burst.passed ? undefined : 'never';
    if (burst?.last !== undefined && order < burst.last) return 'never';
    // R28
    if (burst?.last === order) return burst.dueAt <= now ? undefined : burst.dueAt;
    // R31
    const goesOn = burst?.last !== undefined && burst.dueAt + LATEST >= now;
    const firstAt = goesOn ? burst.firstAt : now;
    // R27
    const dueAt = Math.min(now + window, firstAt + (maxWait ?? Infinity));
    const until = dueAt + window + BURST_MEMORY;
    this.debounces.set(pool, { firstAt, dueAt, last: order, passed: burst?.passed, until });
    return dueAt <= now ? undefined : dueAt;
  }

  /** Tells whether it refuses the attempt (R25). */
  private isCoolingDown({ pool }: Cooldown, visitor: Visitor): boolean {
    if (visitor.attempt > 1) return false;
    const cooldown = this.cooldowns.get(pool);
    return cooldown !== undefined && cooldown.until > this.clock.now() && cooldown.run !== runOf(visitor);
  }

  /** @returns the time when the attempt may start, if that is not now; a place is kept for it then (R22, R23). */
  private nextStart({ pool, limit, per, refuses }: Rate, visitor: Visitor): number | undefined {
    const now = this.clock.now();
    const starts = this.starts.get(pool) ?? { attempts: new Map<string, number>(), until: 0 };
    const { attempts } = starts;
    this.starts.set(pool, starts);
    for (const [attempt, at] of attempts) if (at <= now - per) attempts.delete(attempt);
    const own = attemptOf(visitor);
    const reserved = attempts.get(own);
    if (reserved !== undefined && reserved > now) return reserved;
    attempts.delete(own);
    // R24
    const others = [...attempts.values()].filter((at) => reserved === undefined || at <= now).toSorted((a, b) => a - b);
    const freeing = others.at(-limit);
    const isOver = others.length >= limit && freeing !== undefined && freeing + per > now;
    const at = isOver ? freeing + per : now;
    starts.until = Math.max(starts.until, at + per);
    if (!isOver) return undefined;
    if (refuses) return at;
    attempts.set(own, at);
    this.keepPlace(pool, visitor);
    return at;
  }

  private keepPlace(pool: string, visitor: Visitor): void {
    this.dropPlace(pool, visitor);
    const places = this.places.get(visitor.id) ?? [];
    this.places.set(visitor.id, places);
    places.push({ pool, attempt: attemptOf(visitor) });
  }

  /** Forgets the place of an attempt that has asked for it (R24). */
  private dropPlace(pool: string, visitor: Visitor): void {
    const places = this.places.get(visitor.id);
    if (places === undefined) return;
    const attempt = attemptOf(visitor);
    const left = places.filter((place) => place.pool !== pool || place.attempt !== attempt);
    if (left.length === 0) this.places.delete(visitor.id);
    else this.places.set(visitor.id, left);
  }
}

function runOf({ id, run }: Visitor): string {
  return `${id}#${run}`;
}

function attemptOf({ id, run, attempt }: Visitor): string {
  return `${id}#${run}#${attempt}`;
}
