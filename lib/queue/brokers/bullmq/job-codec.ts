import type { JobJson, JobsOptions } from 'bullmq';
import type { EndState, ExecutionRecord, ExecutionState, NewExecution, StoredError } from '../broker.js';
import { decodeKey, encodeKey } from './execution-id.js';

/**
 * What the last run has left for the next one, or how it ended. It is kept in the job's `failedReason`: the only field
 * that BullMQ writes in the same step in which it moves the job, under the same lease, on Redis and on PostgreSQL.
 */
export interface Memo {
  /** Since when it is, or will be, due. */
  readonly when?: number;
  /** The next run's, where they differ from those that it was added with. */
  readonly args?: string;
  /** BullMQ goes on counting over all runs of an execution: what had been counted when this one began. */
  readonly attemptsBefore?: number;
  readonly crashesBefore?: number;
  readonly isParked?: boolean;
  readonly state?: EndState;
  readonly error?: StoredError;
  readonly reason?: string;
}

/** An execution with a key that is too long to be kept in `deduplication.id`. */
interface LongKeyed {
  readonly $key: string;
  readonly $args: string;
}

/** A job for BullMQ to add. */
export function jobOf(execution: NewExecution, id: string, now: number, keepsText: boolean): JobJson {
  const { key, name, args, priority, when = now } = execution;
  const delay = Math.max(0, Math.ceil(when - now));
  const deduplicationId = key === undefined ? undefined : encodeKey(key);
  const isLong = deduplicationId !== undefined && decodeKey(deduplicationId) === undefined;
  const text = isLong ? JSON.stringify({ $key: key, $args: args }) : args;
  const opts: JobsOptions = {
    ...(delay > 0 && { delay }),
    ...(priority > 0 && { priority }),
    ...(deduplicationId !== undefined && { deduplication: { id: deduplicationId } }),
  };
  return {
    id,
    name,
    data: keepsText ? text : JSON.stringify(text),
    opts,
    timestamp: now,
    ...(deduplicationId !== undefined && { deduplicationId }),
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    stalledCounter: 0,
    failedReason: '',
    returnvalue: '',
  };
}

export function recordOf(job: JobJson, state: ExecutionState): ExecutionRecord {
  const memo = memoOf(job);
  const { key, args } = contentOf(job);
  // A job's last attempt is counted when it ends.
  const isEnded = job.finishedOn !== undefined;
  const attempt = job.attemptsMade - (memo.attemptsBefore ?? 0) + (isEnded ? 0 : 1);
  const result = state === 'completed' ? (JSON.parse(job.returnvalue) as string) : undefined;
  return {
    key,
    name: job.name,
    args: memo.args ?? args,
    priority: job.priority ?? 0,
    state,
    when: memo.when ?? job.timestamp + (job.opts.delay ?? 0),
    addedAt: job.timestamp,
    attempt: Math.max(1, attempt),
    starts: job.attemptsStarted,
    ...(isEnded && { endedAt: Number(job.finishedOn) }),
    ...(job.processedBy !== undefined && { worker: job.processedBy }),
    ...(result !== undefined && { result }),
    // They are of earlier attempts.
    ...(memo.error !== undefined && state !== 'completed' && { error: memo.error }),
    ...(memo.reason !== undefined && state !== 'completed' && { reason: memo.reason }),
  };
}

export function memoOf({ failedReason }: JobJson): Memo {
  // Empty until the first run has ended; BullMQ's own words where it has failed the job by itself.
  return failedReason?.startsWith('{') === true ? (JSON.parse(failedReason) as Memo) : {};
}

/** In which of our states a job is that BullMQ calls `state`. */
export function stateOf(job: JobJson, state: string, now: number): ExecutionState | undefined {
  const memo = memoOf(job);
  switch (state) {
    case 'waiting':
    case 'wait':
    case 'paused':
    case 'prioritized':
      return 'queued';
    case 'delayed': {
      if (memo.isParked === true) return 'parked';
      const { when, attempt } = recordOf(job, 'scheduled');
      if (when <= now) return 'queued';
      return attempt > 1 ? 'retrying' : 'scheduled';
    }
    case 'active':
      return 'running';
    case 'completed':
      return 'completed';
    case 'failed':
      return memo.state ?? 'failed';
    default:
      return undefined;
  }
}

function contentOf({ id, data, deduplicationId }: JobJson): { key: string; args: string } {
  const text = data.startsWith('"') ? (JSON.parse(data) as string) : data;
  if (deduplicationId === undefined) return { key: id, args: text };
  const key = decodeKey(deduplicationId);
  if (key !== undefined) return { key, args: text };
  const { $key, $args } = JSON.parse(text) as LongKeyed;
  return { key: $key, args: $args };
}
