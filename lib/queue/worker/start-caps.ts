import type { Claim } from '../broker/broker.js';
import { countText } from '../broker/duration-text.js';
import { REASONS } from '../broker/reasons.js';
import type { Settlement } from '../broker/settlement.js';

interface StartCap {
  readonly limit: number;
  /** Execution that has the key, and the number of starts of others under it before. */
  execution: string | undefined;
  before: number;
  starts: number;
}

/** Largest numbers of starts of executions with some keys, for `runAtMost()`. */
export class StartCaps {
  private readonly limits = new Map<string, StartCap>();

  set(key: string, limit: number): void {
    this.limits.set(key, { limit, execution: undefined, before: 0, starts: 0 });
  }

  delete(key: string): void {
    this.limits.delete(key);
  }

  /** @returns why a claimed execution must not be started, where that is once too often. */
  refuse(claim: Claim): string | undefined {
    const limit = this.take(claim);
    return limit !== undefined && limit.before + limit.starts > limit.limit ? reasonOf(limit.limit) : undefined;
  }

  /** Ends an execution after its last start, instead of letting it go on. */
  apply(claim: Claim, settlement: Settlement): Settlement {
    const limit = this.take(claim);
    const goesOn = settlement.type === 'retry' || settlement.type === 'reschedule';
    if (limit === undefined || !goesOn || limit.before + limit.starts < limit.limit) return settlement;
    return { type: 'cancel', reason: reasonOf(limit.limit) };
  }

  /** Takes note of how often it has been started, by what the broker has counted. */
  private take({ id, record }: Claim): StartCap | undefined {
    if (this.limits.size === 0) return undefined;
    const limit = this.limits.get(record.key);
    if (limit === undefined) return undefined;
    if (limit.execution !== id) {
      limit.before += limit.starts;
      limit.execution = id;
    }
    limit.starts = record.starts;
    return limit;
  }
}

export function reasonOf(limit: number): string {
  return REASONS.runAtMost(countText(limit, 'start'));
}
