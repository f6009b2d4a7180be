import type { Clock } from '../clock.js';
import { BURST_MEMORY, LATEST, type Admission, type Limit, type Candidate } from '../limit.js';

type Rate = Extract<Limit, { type: 'rate' }>;
type Cooldown = Extract<Limit, { type: 'cooldown' }>;
type Debounce = Extract<Limit, { type: 'debounce' }>;

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

/** Rates, cooldowns and debounces, by the rules of ../limit.ts. */
export class MemoryWindows {
  private readonly starts = new Map<string, Starts>();
  /** Reserved places for attempts, by execution (R23). */
  private readonly places = new Map<string, Place[]>();
  private readonly cooldowns = new Map<string, { readonly run: string; readonly until: number }>();
  private readonly debounces = new Map<string, Burst>();

  constructor(private readonly clock: Clock) {}

  /** Returns the answer of the first closed limit, if one is (R2). */
  reject(candidate: Candidate, limits: readonly Limit[]): Admission | undefined {
    for (const limit of limits) {
      if (limit.type === 'debounce') {
        const at = this.debounce(limit, candidate);
        if (at === 'never') return { type: 'refused', limit };
        if (at !== undefined) return { type: 'later', limit, at };
      } else if (limit.type === 'cooldown') {
        if (this.isCoolingDown(limit, candidate)) return { type: 'refused', limit };
      } else if (limit.type === 'rate') {
        const at = this.nextStart(limit, candidate);
        if (at !== undefined) return limit.refuses ? { type: 'refused', limit } : { type: 'later', limit, at };
      }
    }
    return undefined;
  }

  /** Counts a start, or none of an execution that waits for a slot (R4). */
  note(limit: Limit, candidate: Candidate, isAdmitted: boolean): void {
    const now = this.clock.now();
    if (limit.type === 'rate') {
      const starts = this.starts.get(limit.pool);
      // R21
      if (isAdmitted) starts?.attempts.set(attemptOf(candidate), now);
      else starts?.attempts.delete(attemptOf(candidate));
      this.dropPlace(limit.pool, candidate);
    }
    if (!isAdmitted) return;
    if (limit.type === 'cooldown' && candidate.attempt === 1) {
      // R26
      const current = this.cooldowns.get(limit.pool);
      const isOwn = current !== undefined && current.until > now && current.run === runOf(candidate);
      if (!isOwn) this.cooldowns.set(limit.pool, { run: runOf(candidate), until: now + limit.window });
    }
    const burst = limit.type === 'debounce' ? this.debounces.get(limit.pool) : undefined;
    if (burst?.last === candidate.order) {
      // R30
      this.debounces.set(limit.pool, { ...burst, last: undefined, passed: candidate.order });
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
  private debounce({ pool, window, maxWait }: Debounce, { order, attempt }: Candidate): number | 'never' | undefined {
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
  private isCoolingDown({ pool }: Cooldown, candidate: Candidate): boolean {
    if (candidate.attempt > 1) return false;
    const cooldown = this.cooldowns.get(pool);
    return cooldown !== undefined && cooldown.until > this.clock.now() && cooldown.run !== runOf(candidate);
  }

  /** @returns the time when the attempt may start, if that is not now; a place is kept for it then (R22, R23). */
  private nextStart({ pool, max, per, refuses }: Rate, candidate: Candidate): number | undefined {
    const now = this.clock.now();
    const starts = this.starts.get(pool) ?? { attempts: new Map<string, number>(), until: 0 };
    const { attempts } = starts;
    this.starts.set(pool, starts);
    for (const [attempt, at] of attempts) if (at <= now - per) attempts.delete(attempt);
    const own = attemptOf(candidate);
    const reserved = attempts.get(own);
    if (reserved !== undefined && reserved > now) return reserved;
    attempts.delete(own);
    // R24
    const others = [...attempts.values()].filter((at) => reserved === undefined || at <= now).toSorted((a, b) => a - b);
    const freeing = others.at(-max);
    const isOver = others.length >= max && freeing !== undefined && freeing + per > now;
    const at = isOver ? freeing + per : now;
    starts.until = Math.max(starts.until, at + per);
    if (!isOver) return undefined;
    if (refuses) return at;
    attempts.set(own, at);
    this.keepPlace(pool, candidate);
    return at;
  }

  private keepPlace(pool: string, candidate: Candidate): void {
    this.dropPlace(pool, candidate);
    const places = this.places.get(candidate.id) ?? [];
    this.places.set(candidate.id, places);
    places.push({ pool, attempt: attemptOf(candidate) });
  }

  /** Forgets the place of an attempt that has asked for it (R24). */
  private dropPlace(pool: string, candidate: Candidate): void {
    const places = this.places.get(candidate.id);
    if (places === undefined) return;
    const attempt = attemptOf(candidate);
    const left = places.filter((place) => place.pool !== pool || place.attempt !== attempt);
    if (left.length === 0) this.places.delete(candidate.id);
    else this.places.set(candidate.id, left);
  }
}

function runOf({ id, run }: Candidate): string {
  return `${id}#${run}`;
}

function attemptOf({ id, run, attempt }: Candidate): string {
  return `${id}#${run}#${attempt}`;
}
