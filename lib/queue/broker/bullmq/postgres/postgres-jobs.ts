import type { JobJson } from 'bullmq';
import type { Pool } from 'pg';
import { dataWith } from '../job-codec.js';
import { mendMemo } from '../job-memo.js';
import type { SeenJob } from '../seen-job.js';
import { LIST_JOBS, LOOK_AT_DELAYED_JOBS, LOOK_AT_JOB, READ_JOB } from './sql.generated.js';

/** JobRow of a job as our statements select it. */
export interface JobRow {
  readonly id: string;
  readonly state: string;
  readonly name: string;
  readonly opts: string | null;
  readonly progress: string | null;
  readonly priority: number | null;
  readonly added_at: string;
  readonly attempts_started: number | null;
  readonly attempts_made: number | null;
  readonly stalled_count: number | null;
  readonly processed_at: string | null;
  readonly finished_at: string | null;
  readonly failed_reason: string | null;
  readonly return_value: string | null;
  readonly processed_by: string | null;
  readonly data?: string;
  readonly dedup_id?: string | null;
  /** Part of the data that begins with a long key. */
  readonly long_key?: string | null;
}

/** Reads a BullMQ job without its data and its key, as BullMQ itself would read the rest of it. */
export function lookAtPostgresJob(pool: Pool, queue: string, id: string): Promise<SeenJob | undefined> {
  return readRow(pool, LOOK_AT_JOB, queue, id);
}

export function readPostgresJob(pool: Pool, queue: string, id: string): Promise<SeenJob | undefined> {
  return readRow(pool, READ_JOB, queue, id);
}

/** Lists the first jobs that have not ended, in the order of their starts. */
export async function listPostgresJobs(pool: Pool, queue: string, limit: number): Promise<SeenJob[]> {
  return (await pool.query<JobRow>(LIST_JOBS, [queue, limit])).rows.map(seenOf);
}

/** Lists the first delayed jobs that are neither due nor parked, without their data and keys. */
export async function lookAtDelayedJobs(
  pool: Pool,
  queue: string,
  now: number,
  parkedUntil: number,
  limit: number,
): Promise<SeenJob[]> {
  return (await pool.query<JobRow>(LOOK_AT_DELAYED_JOBS, [queue, now, parkedUntil, limit])).rows.map(seenOf);
}

async function readRow(pool: Pool, query: string, queue: string, id: string): Promise<SeenJob | undefined> {
  if (id.includes('\0')) return undefined; // which the database refuses to look for
  const [row] = (await pool.query<JobRow>(query, [queue, id])).rows;
  return row && seenOf(row);
}

/** Returns a job that was read without its data and its result. */
export function summarizedOf(row: JobRow): SeenJob {
  const { job, state } = seenOf(row);
  return { job: { ...job, data: dataWith(row.long_key), failedReason: mendMemo(job.failedReason) }, state };
}

export function seenOf(row: JobRow): SeenJob {
  const job: JobJson = {
    id: row.id,
    name: row.name,
    data: row.data ?? '',
    opts: (JSON.parse(row.opts ?? '{}') ?? {}) as JobJson['opts'],
    progress: JSON.parse(row.progress ?? '0') as JobJson['progress'],
    priority: row.priority ?? 0,
    timestamp: Number(row.added_at),
    attemptsStarted: row.attempts_started ?? 0,
    attemptsMade: row.attempts_made ?? 0,
    stalledCounter: row.stalled_count ?? 0,
    returnvalue: row.return_value ?? 'null',
    ...(row.processed_at !== null && { processedOn: Number(row.processed_at) }),
    ...(row.finished_at !== null && { finishedOn: Number(row.finished_at) }),
    ...(row.processed_by !== null && { processedBy: row.processed_by }),
    ...(typeof row.dedup_id === 'string' && { deduplicationId: row.dedup_id }),
    failedReason: row.failed_reason ?? '',
  };
  return { job, state: row.state };
}
