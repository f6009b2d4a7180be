import type { JobJson, JobsOptions } from 'bullmq';
import type {
  EndState,
  ExecutionExtras,
  ExecutionRecord,
  ExecutionState,
  NewExecution,
  ProgressRecord,
  StoredError,
} from '../broker.js';
import { decodeKey, encodeKey } from './execution-id.js';

/**
 * What the last run has left for the next one, or how it ended. It is kept in the job's `failedReason`: the only field
 * that BullMQ writes in the same step in which it moves the job, under the same lease, on Redis and on PostgreSQL.
 */
export interface Memo {
  /** Since when it is, or will be, due. */
  readonly when?: number;
  /** When the run was due at first, where that is another time. */
  readonly since?: number;
  /** The next run's, where they differ from those that it was added with. */
  readonly args?: string;
  readonly run?: number;
  /** BullMQ goes on counting over all runs of an execution: what had been counted when this one began. */
  readonly attemptsBefore?: number;
  readonly crashesBefore?: number;
  /** BullMQ counts claims: how many of them were no starts. */
  readonly unstarted?: number;
  readonly isParked?: boolean;
  readonly state?: EndState;
  readonly error?: StoredError;
  readonly reason?: string;
}

/** What is kept in a job's data when there is more than arguments, such as a key too long for `deduplication.id`. */
interface Envelope extends ExecutionExtras {
  readonly $args: string;
  readonly key?: string;
}

const ENVELOPE = '{"$args":';

/** A job for BullMQ to add. */
export function jobOf(execution: NewExecution, id: string, now: number, keepsText: boolean): JobJson {
  const { key, name, args, priority, when, addedAt = now, extras } = execution;
  // Counted from the job's timestamp.
  const delay = when === undefined || when <= now ? 0 : Math.ceil(when - addedAt);
  const deduplicationId = key === undefined ? undefined : encodeKey(key);
  const isLong = deduplicationId !== undefined && decodeKey(deduplicationId) === undefined;
  const envelope: Envelope = { $args: args, ...(isLong && key !== undefined && { key }), ...extras };
  const text = isLong || extras !== undefined ? JSON.stringify(envelope) : args;
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
    timestamp: addedAt,
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
  const { key, args, extras } = contentOf(job);
  const when = memo.when ?? job.timestamp + (job.opts.delay ?? 0);
  const progress = progressOf(job);
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
    when,
    since: memo.since ?? when,
    addedAt: job.timestamp,
    run: memo.run ?? 1,
    attempt: Math.max(1, attempt),
    starts: startsOf(job),
    ...(isEnded && { endedAt: Number(job.finishedOn) }),
    ...(job.processedBy !== undefined && { worker: job.processedBy }),
    ...(result !== undefined && { result }),
    // They are of earlier attempts.
    ...(memo.error !== undefined && state !== 'completed' && { error: memo.error }),
    ...(memo.reason !== undefined && state !== 'completed' && { reason: memo.reason }),
    ...(progress !== undefined && { progress }),
    ...(extras !== undefined && { extras }),
  };
}

/** How often it has been started: claimed, and not made to wait. */
export function startsOf(job: JobJson): number {
  return job.attemptsStarted - (memoOf(job).unstarted ?? 0);
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

interface Content {
  readonly key: string;
  readonly args: string;
  readonly extras?: ExecutionExtras;
}

function contentOf({ id, data, deduplicationId }: JobJson): Content {
  const text = data.startsWith('"') ? (JSON.parse(data) as string) : data;
  const known = deduplicationId === undefined ? id : decodeKey(deduplicationId);
  if (known !== undefined && !text.startsWith(ENVELOPE)) return { key: known, args: text };
  const { $args, key = known ?? id, ...extras } = JSON.parse(text) as Envelope;
  return { key, args: $args, ...(Object.keys(extras).length > 0 && { extras }) };
}

/** What is stored of the progress of a run: of which start, since one that has lost its lease may still go on. */
interface StoredProgress extends ProgressRecord {
  readonly start: number;
}

/** How a job's progress is stored. */
export function storedProgress(progress: ProgressRecord, start: number): object {
  return { start, ...progress } satisfies StoredProgress;
}

function progressOf({ progress, attemptsStarted }: JobJson): ProgressRecord | undefined {
  const stored: unknown = typeof progress === 'string' ? JSON.parse(progress) : progress;
  if (typeof stored !== 'object' || stored === null) return undefined;
  const { start, ...rest } = stored as StoredProgress;
  return start === attemptsStarted ? rest : undefined;
}
