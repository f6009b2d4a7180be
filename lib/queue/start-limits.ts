import type { Settlement } from './brokers/broker.js';

/** How often executions of some keys may be started: for `runAtMost()`. */
export class StartLimits {
  private readonly limits = new Map<string, { readonly limit: number; starts: number }>();

  /** @param starts how often it has been started already. */
  set(key: string, limit: number, starts: number): void {
    this.limits.set(key, { limit, starts });
  }

  delete(key: string): void {
    this.limits.delete(key);
  }

  /** Counts a start. @returns why it must not be, where it was one too many. */
  count(key: string): string | undefined {
    const entry = this.limits.get(key);
    if (entry === undefined) return undefined;
    entry.starts += 1;
    return entry.starts > entry.limit ? reasonOf(entry.limit) : undefined;
  }

  /** What does not go on after the last start ends. What had to wait was no start. */
  apply(key: string, settlement: Settlement): Settlement {
    const entry = this.limits.get(key);
    const isUnstarted = settlement.type === 'park' || (settlement.type === 'release' && settlement.isUnstarted);
    if (entry !== undefined && isUnstarted === true) entry.starts -= 1;
    const goesOn = settlement.type === 'retry' || settlement.type === 'reschedule';
    if (entry === undefined || !goesOn || entry.starts < entry.limit) return settlement;
    return { type: 'cancel', reason: reasonOf(entry.limit) };
  }
}

function reasonOf(limit: number): string {
  return `it has run ${limit} time${limit === 1 ? '' : 's'}, as often as runAtMost() allows`;
}
