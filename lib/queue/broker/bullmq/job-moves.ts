import type { JobJson, KeepJobs, MinimalJob } from 'bullmq';
import type { BrokerLog, Claim } from '../broker.js';
import { PARKED_UNTIL } from './backlog.js';
import type { Connections } from './connections.js';
import { isDamage, isDamaged, recordOf, storedProgress } from './job-codec.js';
import { failureMemo, memoOf, memoText, type Memo } from './job-memo.js';
import type { JobStore } from './job-store.js';
import { memoAfter } from './next-memo.js';
import { failureGroupOf } from '../failure-group.js';
import type { EndState, ProgressRecord } from '../record.js';
import type { Settlement } from '../settlement.js';

/** Retention is ours: it depends on the state and on the task, which BullMQ does not know. */
const KEEP_ALL: KeepJobs = { count: -1 };

/** Time for which excused leases are remembered, in milliseconds. */
const EXCUSE_TTL = 24 * 3_600_000;

/** Answer of BullMQ's backend to a request for the next job. */
export interface NextJob {
  readonly job: JobJson | undefined;
  /**
   * Time at which the next delayed job is due, or 0, where there is no next job; `undefined` when BullMQ does not tell.
   */
  readonly dueAt: number | undefined;
}

/** Starts executions, and moves them on under their lease: what a worker does with BullMQ's jobs. */
export class JobMoves {
  /** Jobs of claims, as they were when they were claimed. */
  private readonly claimed = new WeakMap<Claim, JobJson>();

  constructor(
    private readonly connections: Connections,
    private readonly jobs: JobStore,
    private readonly log: BrokerLog,
  ) {}

  /** Starts the next job that is due. */
  async next(token: string, workerId: string): Promise<NextJob> {
    return this.nextOf(token, undefined, () => this.connections.worker().moveToActive(token, workerId));
  }

  /** Hands jobs whose lease has expired back. @returns how many. */
  async recover(): Promise<number> {
    try {
      return (await this.connections.recover()).length;
    } catch (error) {
      if (!isDamage(error) || !(await this.mend(await this.connections.activeIds()))) throw error;
      return (await this.connections.recover()).length;
    }
  }

  /** Returns the claim of a job that has never been started before; nothing for others, of which more must be read. */
  firstClaim(job: JobJson, token: string): Claim | undefined {
    if (job.attemptsStarted > 1 || Number(job.stalledCounter) > 0 || isDamaged(job)) return undefined;
    return this.claimOf(job, token, 0, undefined);
  }

  async toClaim(next: JobJson, token: string, cancellation: string | undefined): Promise<Claim> {
    let job = next;
    if (isDamaged(job)) {
      await this.mend([job.id]);
      job = (await this.connections.readJob(job.id))?.job ?? job;
    }
    const lost = (Number(job.stalledCounter) || 0) - crashesBefore(job);
    const crashes = lost > 0 ? Math.max(0, lost - (await this.excusesOf(job))) : 0;
    return this.claimOf(job, token, crashes, cancellation);
  }

  private claimOf(job: JobJson, token: string, crashes: number, cancellation: string | undefined): Claim {
    const claim: Claim = { id: job.id, token, record: recordOf(job, 'running'), crashes, cancellation };
    this.claimed.set(claim, job);
    return claim;
  }

  /**
   * Excuses a lease that was lost by a worker that lives. The count belongs to this run: the next one begins with none.
   */
  async excuse(claim: Claim): Promise<void> {
    const job = this.jobOf(claim);
    const excuses = (await this.excusesOf(job)) + 1;
    const note = `${pad(crashesBefore(job))} ${pad(excuses)}`;
    await this.connections.store.setNote('excused', job.id, note, EXCUSE_TTL);
  }

  private async excusesOf(job: JobJson): Promise<number> {
    // Where it cannot be asked for now, they count as crashes for once: the claim is made, and must not fail.
    const [note = ''] = await this.connections.store.getNotes('excused', [job.id]).catch(() => []);
    const [before, excuses] = note.split(' ').map(Number);
    return before === crashesBefore(job) ? (excuses ?? 0) : 0;
  }

  /** Counts the claims of an execution, with this one. */
  claimsOf(claim: Claim): number {
    return this.jobOf(claim).attemptsStarted;
  }

  /** Returns true for an execution that was put off before this claim: only such a one can have come to a limit before. */
  wasPutOff(claim: Claim): boolean {
    return (memoOf(this.jobOf(claim)).unstarted ?? 0) > 0;
  }

  setProgress(claim: Claim, progress: ProgressRecord): Promise<void> {
    return this.connections.queue.updateProgress(claim.id, storedProgress(progress, this.jobOf(claim).attemptsStarted));
  }

  /** Moves a running job on, under its lease, and starts the next one if that was asked for. */
  settle(claim: Claim, settlement: Settlement, fetchNext: boolean): Promise<NextJob> {
    const job = this.jobOf(claim);
    if (settlement.type === 'complete') return this.complete(claim, settlement.result, fetchNext);
    const now = Date.now();
    const memo = memoAfter(job, claim.record, settlement, now);
    switch (settlement.type) {
      case 'fail':
        return this.fail(claim, memo, fetchNext);
      case 'cancel':
        return this.stop(claim, 'cancelled', memo, fetchNext);
      case 'drop':
        return this.stop(claim, 'dropped', memo, fetchNext);
      case 'park':
        return this.delay(claim, PARKED_UNTIL, memo, { skipAttempt: true, fetchNext });
      case 'retry':
        return this.delay(claim, settlement.at, memo, { skipAttempt: false, fetchNext });
      case 'reschedule':
      case 'release':
        return this.delay(claim, settlement.at ?? now, memo, { skipAttempt: true, fetchNext });
    }
  }

  private jobOf(claim: Claim): JobJson {
    const job = this.claimed.get(claim);
    if (job === undefined) throw new TypeError('A claim of another broker cannot be used');
    return job;
  }

  private complete(claim: Claim, result: string, fetchNext: boolean): Promise<NextJob> {
    const { id, token } = claim;
    const worker = this.connections.worker();
    return this.finish(claim, 'completed', () =>
      worker.moveToCompleted(minimal(id), result, KEEP_ALL, token, fetchNext),
    );
  }

  private async fail(claim: Claim, memo: Memo, fetchNext: boolean): Promise<NextJob> {
    const { id, record } = claim;
    // Without a retention, it is stored for its handles only.
    if (this.jobs.retention.of(record.name, 'failed') === 0) return this.stop(claim, 'failed', memo, fetchNext);
    const group = failureGroupOf(record.name, memo.error ?? { name: 'Error', message: '' });
    const text = failureMemo(group, { state: 'failed', ...memo });
    const noted = this.connections.ended.noteFailure?.(id, group, Date.now());
    noted?.catch(() => {}); // the move that follows fails as well
    try {
      return await this.moveToFailed(claim, 'failed', text, fetchNext);
    } catch (refusal) {
      if (noted !== undefined) await this.connections.ended.eraseFailure?.(id, group).catch(() => {});
      throw refusal;
    }
  }

  private stop(claim: Claim, state: EndState, memo: Memo, fetchNext: boolean): Promise<NextJob> {
    return this.moveToFailed(claim, state, memoText({ state, ...memo }), fetchNext);
  }

  private moveToFailed(claim: Claim, state: EndState, memo: string, fetchNext: boolean): Promise<NextJob> {
    const worker = this.connections.worker();
    const { id, token } = claim;
    return this.finish(claim, state, () => worker.moveToFailed(minimal(id), memo, KEEP_ALL, token, fetchNext));
  }

  private finish(claim: Claim, state: EndState, move: () => Promise<unknown>): Promise<NextJob> {
    const prepared = this.prepareEnd(claim, state);
    if (prepared === undefined) return this.nextOf(claim.token, claim.id, move);
    return prepared.then(() => this.nextOf(claim.token, claim.id, move));
  }

  private async delay(
    { id, token }: Claim,
    at: number,
    memo: Memo,
    options: { skipAttempt: boolean; fetchNext: boolean },
  ): Promise<NextJob> {
    const now = Date.now();
    const fieldsToUpdate = { failedReason: memoText(memo) };
    const delay = Math.max(0, Math.ceil(at - now));
    return this.nextOf(token, id, () =>
      this.connections.worker().moveToDelayed(id, now, delay, token, { ...options, fieldsToUpdate }),
    );
  }

  /**
   * Returns the next job that a call has claimed, beside what it has moved. BullMQ stops at records that are damaged:
   * before a move, in it, or with the next job in its hands, which is held under the token then and is to be settled
   * like any other.
   */
  private async nextOf(token: string, moved: string | undefined, call: () => Promise<unknown>): Promise<NextJob> {
    try {
      return nextOf(await call());
    } catch (error) {
      if (!isDamage(error)) throw error;
      if (moved !== undefined) await this.connections.reinstate(moved, token);
      const id = await this.connections.heldBy(token);
      if (id === undefined && moved === undefined) throw error;
      if (id === undefined) return { job: undefined, dueAt: undefined };
      const wasMended = await this.mend([id]);
      if (id !== moved) return { job: (await this.connections.readJob(id))?.job, dueAt: undefined };
      if (!wasMended) throw error;
      return nextOf(await call());
    }
  }

  /** @returns whether one of them was damaged. */
  private async mend(ids: readonly string[]): Promise<boolean> {
    const damaged = await this.connections.repair(ids);
    for (const id of damaged) this.log.unreadable(`fields of job ${id}`);
    return damaged.length > 0;
  }

  /** Before it ends: what has no key of its own is found by its id then; to the others, the key must lead. */
  private prepareEnd({ record }: Claim, state: EndState): Promise<void> | undefined {
    const isPlain = record.key === record.id && !this.jobs.isKeptApart(record.name, state);
    return isPlain ? undefined : this.connections.beforeNext(this.jobs.prepareEnd(record, state));
  }
}

/** Counts the lost leases of a job that belong to earlier runs. */
function crashesBefore(job: JobJson): number {
  return memoOf(job).crashesBefore ?? 0;
}

/** Pads a count, since the greater of two notes stays. */
function pad(count: number): string {
  return String(count).padStart(10, '0');
}

/** Returns the part of a job that BullMQ's backends need to move it. */
function minimal(id: string): MinimalJob {
  return { id, opts: { attempts: 1 } } as MinimalJob;
}

/** Tells whether BullMQ has answered that it has ended a job. */
function isFinish(answer: unknown): answer is { readonly result: unknown } {
  return typeof answer === 'object' && answer !== null && 'result' in answer;
}

/** BullMQ answers with a tuple; with an empty one, a number or nothing when it did not look, or has moved a job to delayed. */
function nextOf(answer: unknown): NextJob {
  if (isFinish(answer)) return nextOf(answer.result);
  const [job, id, , dueAt] = (Array.isArray(answer) ? answer : []) as [JobJson | null | 0, string, number, number] | [];
  const isJob = typeof job === 'object' && job !== null;
  return { job: isJob && id !== undefined ? { ...job, id: String(id) } : undefined, dueAt };
}
