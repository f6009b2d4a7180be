import type { JobJson } from 'bullmq';
import type { ExecutionRecord } from '../record.js';
import type { Settlement } from '../settlement.js';
import { trailAfter, trailAfterRetry } from '../trail.js';
import { memoOf, type Memo } from './job-memo.js';

/**
 * Returns what a job is to know of a run that has ended.
 *
 * @param record the execution as it was claimed.
 */
export function memoAfter(
  job: JobJson,
  record: ExecutionRecord,
  settlement: Exclude<Settlement, { type: 'complete' }>,
  now: number,
): Memo {
  const { isParked: _isParked, reason: _reason, state: _state, ...last } = memoOf(job);
  const history = historyOf(job, record, settlement, now);
  const carried: Memo = { ...last, ...history };
  const unstarted = (last.unstarted ?? 0) + 1;
  switch (settlement.type) {
    case 'fail':
      return { ...carried, error: settlement.error };
    case 'cancel':
    case 'drop':
      return { ...carried, reason: settlement.reason };
    case 'retry': {
      const { at, error } = settlement;
      return { ...carried, when: at, since: record.since, error, crashesBefore: job.stalledCounter };
    }
    case 'reschedule': {
      const { at, args, error, reason, schedule } = settlement;
      return {
        ...newRun(job, record, at, last),
        args,
        ...history,
        ...(error !== undefined && { error }),
        ...(reason !== undefined && { reason }),
        ...(schedule !== undefined && { schedule }),
      };
    }
    case 'release': {
      const { at = now, reason, isUnstarted } = settlement;
      return { ...carried, when: at, since: record.since, reason, ...(isUnstarted === true && { unstarted }) };
    }
    case 'park': {
      const since = record.since !== record.when && { since: record.since };
      return { ...carried, ...since, when: record.when, isParked: true, reason: settlement.reason, unstarted };
    }
  }
}

/** Returns what an ended job is to know when it runs again. */
export function memoForRetry(job: JobJson, record: ExecutionRecord, now: number): Memo {
  const last = memoOf(job);
  return {
    ...newRun(job, record, now, last),
    trail: trailAfterRetry(record, now),
    ...(last.args !== undefined && { args: last.args }),
    ...(last.schedule !== undefined && { schedule: last.schedule }),
  };
}

/** A new run of the same execution: attempts and crashes count anew. */
function newRun(job: JobJson, record: ExecutionRecord, when: number, { unstarted }: Memo): Memo {
  return {
    when,
    run: record.run + 1,
    attemptsBefore: job.attemptsMade,
    crashesBefore: job.stalledCounter,
    ...(unstarted !== undefined && { unstarted }),
  };
}

/** Parts of a memo that tell what has happened until it is written. */
function historyOf(job: JobJson, record: ExecutionRecord, settlement: Settlement, now: number): Memo {
  const lost = Number(job.stalledCounter) || 0;
  const trail = trailAfter(record, settlement, now);
  return { ...(lost > 0 && { lost }), ...(trail !== undefined && { trail }) };
}
