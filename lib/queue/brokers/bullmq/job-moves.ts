import type { JobJson, KeepJobs, MinimalJob } from 'bullmq';
import type { ResolvedQueueOptions } from '../../queue-options.js';
import type { Claim, ProgressRecord, Settlement } from '../broker.js';
import type { Connections } from './connections.js';
import { encodeKey } from './execution-id.js';
import { memoOf, recordOf, storedProgress, type Memo } from './job-codec.js';
import type { JobStore } from './job-store.js';

/** What a job is delayed by while it is parked, in milliseconds: for good, as far as BullMQ is concerned. */
const PARKED = 5 * 365 * 24 * 3_600_000;

/** What BullMQ's backend answers when it was asked for the next job. */
export interface NextJob {
  readonly job: JobJson | undefined;
  /** Where there is none, when the next delayed one is due, or 0; `undefined` when BullMQ does not tell. */
  readonly dueAt: number | undefined;
}

/** Starts executions, and moves them on under their lease: what a worker does with BullMQ's jobs. */
export class JobMoves {
  /** What a claim's job was like when it was claimed. */
  private readonly claimed = new WeakMap<Claim, JobJson>();

  constructor(
    private readonly connections: Connections,
    private readonly jobs: JobStore,
    private readonly options: ResolvedQueueOptions,
  ) {}

  /** Starts the next job that is due. */
  async next(token: string, workerId: string): Promise<NextJob> {
    return nextOf(await this.connections.worker().moveToActive(token, workerId));
  }

  toClaim(job: JobJson, token: string, cancellation: string | undefined): Claim {
    const crashes = job.stalledCounter - (memoOf(job).crashesBefore ?? 0);
    const claim: Claim = { id: job.id, token, record: recordOf(job, 'running'), crashes, cancellation };
    this.claimed.set(claim, job);
    return claim;
  }

  /** How often it had been claimed, with this claim. */
  claimsOf(claim: Claim): number {
    return this.jobOf(claim).attemptsStarted;
  }

  setProgress(claim: Claim, progress: ProgressRecord): Promise<void> {
    return this.connections.queue.updateProgress(claim.id, storedProgress(progress, this.jobOf(claim).attemptsStarted));
  }

  /** Moves a running job on, under its lease, and starts the next one if that was asked for. */
  async settle(claim: Claim, settlement: Settlement, fetchNext: boolean): Promise<NextJob> {
    const job = this.jobOf(claim);
    const { record } = claim;
    const { isParked: _isParked, reason: _reason, state: _state, ...carried } = memoOf(job);
    const putOff: Memo = { ...carried, ...(record.since !== record.when && { since: record.since }) };
    const unstarted = (carried.unstarted ?? 0) + 1;
    switch (settlement.type) {
      case 'complete':
        return this.complete(claim, settlement.result, fetchNext);
      case 'fail':
        return this.fail(claim, { ...carried, state: 'failed', error: settlement.error }, fetchNext);
      case 'cancel':
        return this.fail(claim, { ...carried, state: 'cancelled', reason: settlement.reason }, fetchNext);
      case 'drop':
        return this.fail(claim, { ...carried, state: 'dropped', reason: settlement.reason }, fetchNext);
      case 'retry': {
        const { at, error } = settlement;
        const memo: Memo = { ...carried, when: at, since: record.since, error, crashesBefore: job.stalledCounter };
        return this.delay(claim, at, memo, { skipAttempt: false, fetchNext });
      }
      case 'reschedule': {
        const { at, args, error, reason } = settlement;
        const memo: Memo = {
          when: at,
          args,
          run: record.run + 1,
          attemptsBefore: job.attemptsMade,
          crashesBefore: job.stalledCounter,
          ...(carried.unstarted !== undefined && { unstarted: carried.unstarted }),
          ...(error !== undefined && { error }),
          ...(reason !== undefined && { reason }),
        };
        return this.delay(claim, at, memo, { skipAttempt: true, fetchNext });
      }
      case 'release': {
        const { at = Date.now(), reason, isUnstarted } = settlement;
        const memo: Memo = {
          ...carried,
          when: at,
          since: record.since,
          reason,
          ...(isUnstarted === true && { unstarted }),
        };
        return this.delay(claim, at, memo, { skipAttempt: true, fetchNext });
      }
      case 'park': {
        const memo: Memo = { ...putOff, when: record.when, isParked: true, reason: settlement.reason, unstarted };
        return this.delay(claim, Date.now() + PARKED, memo, { skipAttempt: true, fetchNext });
      }
    }
  }

  private jobOf(claim: Claim): JobJson {
    const job = this.claimed.get(claim);
    if (job === undefined) throw new TypeError('A claim of another broker cannot be used');
    return job;
  }

  private async complete(claim: Claim, result: string, fetchNext: boolean): Promise<NextJob> {
    const worker = this.connections.worker();
    await this.pointTo(claim);
    const { result: next } = await worker.moveToCompleted(minimal(claim.id), result, this.keep, claim.token, fetchNext);
    return nextOf(next);
  }

  private async fail(claim: Claim, memo: Memo, fetchNext: boolean): Promise<NextJob> {
    const worker = this.connections.worker();
    const reason = JSON.stringify(memo);
    await this.pointTo(claim);
    const { result: next } = await worker.moveToFailed(minimal(claim.id), reason, this.keep, claim.token, fetchNext);
    return nextOf(next);
  }

  private async delay(
    { id, token }: Claim,
    at: number,
    memo: Memo,
    options: { skipAttempt: boolean; fetchNext: boolean },
  ): Promise<NextJob> {
    const now = Date.now();
    const fieldsToUpdate = { failedReason: JSON.stringify(memo) };
    const next = await this.connections
      .worker()
      .moveToDelayed(id, now, Math.max(0, Math.ceil(at - now)), token, { ...options, fieldsToUpdate });
    return nextOf(next);
  }

  /** Before it ends: what has no key of its own is found by its id then; to the others, the key must lead. */
  private async pointTo({ id, record }: Claim): Promise<void> {
    if (record.key === id) return;
    const pointed = this.jobs.remember(encodeKey(record.key), id);
    if (!this.connections.isOrdered) await pointed;
    else pointed.catch(() => {}); // the call that follows on the same connection fails as well
  }

  private get keep(): true | KeepJobs {
    return this.options.retention > 0 ? { age: Math.ceil(this.options.retention / 1_000) } : true;
  }
}

/** What BullMQ's backends need of a job that they move. */
function minimal(id: string): MinimalJob {
  return { id, opts: { attempts: 1 } } as MinimalJob;
}

/** BullMQ answers with a tuple; with an empty one, a number or nothing when it did not look, or has moved a job to delayed. */
function nextOf(answer: unknown): NextJob {
  const [job, id, , dueAt] = (Array.isArray(answer) ? answer : []) as [JobJson | null | 0, string, number, number] | [];
  const isJob = typeof job === 'object' && job !== null;
  return { job: isJob && id !== undefined ? { ...job, id: String(id) } : undefined, dueAt };
}
