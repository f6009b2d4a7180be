import type { Clock } from '../../clock.js';
import { BURST_MEMORY, LATEST, type Admission, type Gate, type Visitor } from './gate.js';

type Rate = Extract<Gate, { type: 'rate' }>;
type Cooldown = Extract<Gate, { type: 'cooldown' }>;
type Debounce = Extract<Gate, { type: 'debounce' }>;

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

interface Starts {
  readonly attempts: Map<string, number>;
  /** When the last of them does not count any more. */
  until: number;
}

/** The gates that go by time: rates, cooldowns and debounces. */
export class MemoryWindows {
  /** By pool: which attempts have started when, or will. */
  private readonly starts = new Map<string, Starts>();
  /** By execution: in which pools a place is kept for it. */
  private readonly places = new Map<string, Set<string>>();
  private readonly cooldowns = new Map<string, { readonly run: string; readonly until: number }>();
  private readonly debounces = new Map<string, Burst>();

  constructor(private readonly clock: Clock) {}

  /** What keeps a visitor from coming in now. Nothing is noted of it, but for a place that is kept. */
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

  /** It has come in; or not, since it waits for a slot. */
  note(gate: Gate, visitor: Visitor, isAdmitted: boolean): void {
    const now = this.clock.now();
    if (gate.type === 'rate') {
      const starts = this.starts.get(gate.pool);
      if (isAdmitted) starts?.attempts.set(attemptOf(visitor), now);
      else starts?.attempts.delete(attemptOf(visitor));
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

  /** The places that are kept for it are free. */
  forget(id: string): void {
    const now = this.clock.now();
    for (const pool of this.places.get(id) ?? []) {
      const attempts = this.starts.get(pool)?.attempts ?? new Map<string, number>();
      for (const [attempt, at] of attempts) if (at > now && attempt.startsWith(`${id}#`)) attempts.delete(attempt);
    }
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

  /** @returns when it may come again, if not now. */
  private debounce({ pool, window, maxWait }: Debounce, { order, attempt }: Visitor): number | 'never' | undefined {
    if (attempt > 1) return undefined;
    const now = this.clock.now();
    const known = this.debounces.get(pool);
    const burst = known === undefined || known.until <= now ? undefined : known;
    if (burst?.passed !== undefined && order <= burst.passed) return order === burst.passed ? undefined : 'never';
    if (burst?.last !== undefined && order < burst.last) return 'never';
    if (burst?.last === order) return burst.dueAt <= now ? undefined : burst.dueAt;
    // Where the last one has not come for so long after its time, it was lost, and with it the row that it ended.
    const isRow = burst?.last !== undefined && burst.dueAt + LATEST > now;
    const firstAt = isRow ? burst.firstAt : now;
    const dueAt = Math.min(now + window, firstAt + (maxWait ?? Infinity));
    const until = dueAt + window + BURST_MEMORY;
    this.debounces.set(pool, { firstAt, dueAt, last: order, passed: burst?.passed, until });
    return dueAt <= now ? undefined : dueAt;
  }

  private isCoolingDown({ pool }: Cooldown, visitor: Visitor): boolean {
    if (visitor.attempt > 1) return false;
    const cooldown = this.cooldowns.get(pool);
    return cooldown !== undefined && cooldown.until > this.clock.now() && cooldown.run !== runOf(visitor);
  }

  /** Keeps a place for it when that is not now. */
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
    // One that comes for its place does not stand behind those whose places are later.
    const others = [...attempts.values()].filter((at) => reserved === undefined || at <= now).toSorted((a, b) => a - b);
    const freeing = others.at(-limit);
    const isOver = others.length >= limit && freeing !== undefined && freeing + per > now;
    const at = isOver ? freeing + per : now;
    starts.until = Math.max(starts.until, at + per);
    if (!isOver) return undefined;
    if (refuses) return at;
    attempts.set(own, at);
    this.places.set(visitor.id, (this.places.get(visitor.id) ?? new Set()).add(pool));
    return at;
  }
}

function runOf({ id, run }: Visitor): string {
  return `${id}#${run}`;
}

function attemptOf({ id, run, attempt }: Visitor): string {
  return `${id}#${run}#${attempt}`;
}
