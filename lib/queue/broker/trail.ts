import { REASONS } from './reasons.js';
import type { ExecutionRecord, StoredError, Trail, TrailRecord, TrailType } from './record.js';
import type { Settlement } from './settlement.js';
import { cutText } from './short-text.js';

/** Most entries of a trail: the last ones stay. */
export const TRAIL_LENGTH = 20;
/** Longest reason of an entry, in characters. */
const LONGEST_REASON = 300;

const NONE: Trail = [];

/** Adds an entry. What happens again and again for one reason is one entry, of the last time. */
export function extendTrail(trail: Trail = NONE, entry: TrailRecord): Trail {
  const last = trail.at(-1);
  if (last === undefined || last.type !== entry.type || last.reason !== entry.reason) {
    return [...trail.slice(1 - TRAIL_LENGTH), entry];
  }
  return [...trail.slice(0, -1), { ...entry, times: (last.times ?? 1) + 1 }];
}

/** Returns the trail of an execution after a settlement with which it goes on. */
export function trailAfter(record: ExecutionRecord, settlement: Settlement, now: number): Trail | undefined {
  const entry = entryOf(settlement, record.attempt);
  if (entry === undefined) return record.trail;
  const { worker } = record;
  return extendTrail(record.trail, { at: now, ...entry, ...(worker !== undefined && { worker }) });
}

/** Returns the trail of an ended execution that runs again: its old error stays here only. */
export function trailAfterRetry(record: ExecutionRecord, now: number): Trail {
  return extendTrail(withEnd(record), { at: now, type: 'retried', reason: REASONS.retriedByHand() });
}

/** Returns the trail with its end, which is not stored: state and reason of the execution tell the same. */
export function withEnd({ trail, state, endedAt, error, reason, worker }: ExecutionRecord): Trail {
  if (endedAt === undefined) return trail ?? NONE;
  const type = reason === REASONS.replaced() && state === 'cancelled' ? 'replaced' : (state as TrailType);
  const why = state === 'failed' && error !== undefined ? describe(error) : (reason ?? '');
  return extendTrail(trail, { at: endedAt, type, reason: why, ...(worker !== undefined && { worker }) });
}

/** Entry of a start after the lease of an earlier one has expired. */
export function recoveryOf(at: number, crashes: number, worker: string | undefined): TrailRecord {
  const reason = REASONS.leaseExpired(crashes);
  return { at, type: 'recovered', reason, ...(worker !== undefined && { worker }) };
}

function entryOf(settlement: Settlement, attempt: number): Pick<TrailRecord, 'type' | 'reason'> | undefined {
  switch (settlement.type) {
    case 'retry':
      return { type: 'retried', reason: cut(REASONS.attemptFailed(attempt, describe(settlement.error))) };
    case 'reschedule': {
      const { error, reason } = settlement;
      const why = error === undefined ? (reason ?? REASONS.nextRun()) : REASONS.runFailed(describe(error));
      return { type: 'rescheduled', reason: cut(why) };
    }
    case 'release':
      return { type: settlement.isUnstarted === true ? 'rescheduled' : 'released', reason: cut(settlement.reason) };
    case 'park':
      return { type: 'parked', reason: cut(settlement.reason) };
    default:
      return undefined;
  }
}

function describe({ name, message }: StoredError): string {
  return cut(`${name}: ${message}`);
}

function cut(text: string): string {
  return cutText(text.length <= LONGEST_REASON ? text : `${text.slice(0, LONGEST_REASON)}…`);
}
