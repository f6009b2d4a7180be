import type { ResolvedQueueOptions } from '../queue-settings.js';
import type { Listing } from '../broker.js';
import { summaryOf, type LiveFilter, type LiveLook, type LivePage } from '../live.js';
import { matchesRecord } from '../record-filter.js';
import { storedFor, type Retention } from '../retention.js';
import { readRecord } from '../stored.js';
import type { EndedJobs } from './backlog.js';
import type { Connections } from './connections.js';
import { encodeKey } from './encoded-key.js';
import { jobOf, recordOf, stateOf, statusOf } from './job-codec.js';
import { memoOf, memoText, type Memo } from './job-memo.js';
import { REPLACEMENTS } from './replacement.js';
import type { SeenJob } from './seen-job.js';
import {
  isEnded,
  sinceAfterMove,
  type ChainSchedule,
  type EndState,
  type ExecutionRecord,
  type ExecutionStatus,
  type LiveState,
  type NewExecution,
} from '../record.js';

const END_STATES = ['completed', 'failed', 'cancelled', 'dropped'] as const satisfies EndState[];
/** Time after which a look for what is past its retention begins anew: clocks differ, and some job may have come late. */
const RESCAN = 3_600_000;
/** Number of delayed jobs that are looked at to find retries, however few are listed. The rest counts as scheduled. */
const LOOKS = 1_000;

/** Execution as BullMQ keeps it. */
export interface StoredJob {
  readonly id: string;
  readonly record: ExecutionRecord;
}

/** Executions as BullMQ jobs: added, read by id, taken away, remembered for a while. */
export class JobStore {
  /** Times until which each state has been looked through for what is past its retention. */
  private readonly looked: Record<EndState, number> = { completed: 0, failed: 0, cancelled: 0, dropped: 0 };
  private rescanAt = 0;

  constructor(
    private readonly connections: Connections,
    private readonly options: ResolvedQueueOptions,
  ) {}

  /** @returns the id of the job that has the key: this one, or the one that had it before. */
  add(execution: NewExecution, id: string): Promise<string> {
    const added = this.addJob(execution, id);
    return execution.key === undefined ? added : this.freeDeadKey(execution, id, added);
  }

  private addJob(execution: NewExecution, id: string): Promise<string> {
    return this.connections.addJob(jobOf(execution, id, Date.now(), this.connections.dataOf));
  }

  /** Frees a key whose job record was deleted by hand, or evicted: it would hold its key for ever. */
  private async freeDeadKey(execution: NewExecution, id: string, added: Promise<string>): Promise<string> {
    for (let holder = await added; ; holder = await this.addJob(execution, id)) {
      if (holder === id || execution.key === undefined || (await this.isLive(holder))) return holder;
      await this.connections.queue.removeDeduplicationKey(encodeKey(execution.key), holder);
    }
  }

  /** Frees the key of an ended job that another holds without living. @returns whether it did. */
  async freeKeyOf({ key }: ExecutionRecord): Promise<boolean> {
    const { queue } = this.connections;
    const holder = await queue.getDeduplicationJobId(encodeKey(key));
    if (holder === null) return true;
    if (await this.isLive(holder)) return false;
    await queue.removeDeduplicationKey(encodeKey(key), holder);
    return true;
  }

  get retention(): Retention {
    return this.options.retention;
  }

  /** Shortest time for which ended jobs are stored, in milliseconds. */
  get shortestStay(): number {
    return Math.min(...END_STATES.map((state) => storedFor(this.retention.byDefault[state])));
  }

  /** Tells whether executions of the task are stored for a time of their own when they have ended so. */
  isKeptApart(task: string, state: EndState): boolean {
    return this.retention.ownOf(task, state) !== undefined;
  }

  async read(id: string): Promise<StoredJob | undefined> {
    const seen = await this.connections.readJob(id);
    return seen && storedOf(seen, Date.now());
  }

  /** Reads an execution, unless it has ended. */
  async readLive(id: string): Promise<StoredJob | undefined> {
    const job = await this.read(id);
    return job === undefined || isEnded(job.record.state) ? undefined : job;
  }

  /** Reads the status of a job without its data and its key. */
  async look(id: string): Promise<ExecutionStatus | undefined> {
    const seen = await this.connections.lookAtJob(id);
    const state = seen && stateOf(seen.job, seen.state, Date.now());
    return state && statusOf(seen.job, state);
  }

  /** Reads a replacement that ended before it became a job, as long as it is remembered. */
  async readGone(id: string): Promise<ExecutionRecord | undefined> {
    const [note] = await this.connections.store.getNotes('gone', [id]);
    return note === undefined ? undefined : readRecord(note);
  }

  async rememberGone(record: ExecutionRecord): Promise<void> {
    const ended: ExecutionRecord = { ...record, endedAt: Date.now() };
    await this.connections.store.setNote(
      'gone',
      record.id,
      JSON.stringify(ended),
      this.stayOf(record.name, 'cancelled'),
    );
  }

  /** Before an execution ends: its key leads to it then, until another ends that had it later. */
  async prepareEnd({ id, key, name }: ExecutionRecord, state: EndState): Promise<void> {
    const { ended } = this.connections;
    const retention = this.retention.of(name, state);
    await Promise.all([
      key === id || retention === 0 ? undefined : ended.pointTo(encodeKey(key), id, retention),
      this.isKeptApart(name, state) ? ended.keep(id, Date.now() + storedFor(retention)) : undefined,
    ]);
  }

  private stayOf(task: string, state: EndState): number {
    return storedFor(this.retention.of(task, state));
  }

  /** Lets one that is delayed, or parked, go on now. @returns whether it was. */
  wake(id: string): Promise<boolean> {
    return this.connections.promote(id);
  }

  /** Moves a delayed job to another time. @returns whether it was delayed, and its record still the same. */
  async retime({ id, run, when: known }: ExecutionRecord, when: number, schedule?: ChainSchedule): Promise<boolean> {
    const seen = await this.connections.readJob(id);
    const state = seen && stateOf(seen.job, seen.state, Date.now());
    if (seen === undefined || (state !== 'scheduled' && state !== 'retrying')) return false;
    const record = recordOf(seen.job, state);
    if (record.run !== run || record.when !== known) return false;
    const { since: _since, ...carried } = memoOf(seen.job);
    const since = sinceAfterMove(record, when);
    const next: Memo = {
      ...carried,
      when,
      ...(since !== when && { since }),
      ...(schedule !== undefined && { schedule }),
    };
    return this.connections.retime(id, when, { expected: seen.job.failedReason, next: memoText(next) });
  }

  /** Tells whether an execution has a record and has not ended. */
  async isLive(id: string): Promise<boolean> {
    const job = await this.look(id);
    return job !== undefined && !isEnded(job.state);
  }

  /** @returns whether it was removed; not when it has been started or has ended meanwhile. */
  remove(id: string): Promise<boolean> {
    return this.connections.remove(id);
  }

  /** Ends it before it runs. Nothing is ended that has been started meanwhile. */
  cancelWaiting(id: string, reason: string): Promise<EndedJobs> {
    return this.connections.backlog.cancel(id, reason);
  }

  async size(): Promise<number> {
    // First: one that is taken from here is counted as a job from then on.
    const replacements = await this.connections.store.size(REPLACEMENTS);
    return replacements + (await this.connections.backlog.size());
  }

  async list(limit: number): Promise<Listing> {
    const { running, waiting, delayed, due, parked, jobs, undecided } = await this.connections.backlog.list(
      limit,
      LOOKS,
    );
    const now = Date.now();
    const records = jobs.flatMap((seen) => storedOf(seen, now)?.record ?? []).filter(({ state }) => !isEnded(state));
    const states = undecided.map(({ job, state }) => stateOf(job, state, now));
    const seen = (state: LiveState): number => states.filter((one) => one === state).length;
    const counts = {
      running,
      queued: waiting + due + seen('queued'),
      retrying: seen('retrying'),
      parked: parked + seen('parked'), // by an earlier version of this package
    };
    const scheduled = running + waiting + delayed - counts.running - counts.queued - counts.retrying - counts.parked;
    return { counts: { ...counts, scheduled: Math.max(0, scheduled) }, records };
  }

  /** Lists executions that have not ended, without their arguments. */
  async page(filter: LiveFilter, look: LiveLook): Promise<LivePage> {
    const now = Date.now();
    const { jobs, cursor } = await this.connections.backlog.page(filter, look, now);
    const records = jobs
      .flatMap((seen) => storedOf(seen, now)?.record ?? [])
      .filter((record) => !isEnded(record.state) && matchesRecord(record, filter));
    return { records: records.map(summaryOf), ...(cursor !== undefined && { cursor }) };
  }

  /** Forgets what has ended long enough ago. */
  async clean(): Promise<void> {
    const now = Date.now();
    const { store, backlog, ended } = this.connections;
    if (now >= this.rescanAt) {
      for (const state of END_STATES) this.looked[state] = 0;
      this.rescanAt = now + RESCAN;
    }
    for (const state of END_STATES) {
      const until = now - storedFor(this.retention.byDefault[state]);
      await ended.expire(state, this.looked[state], until);
      this.looked[state] = Math.max(this.looked[state], until);
    }
    await ended.expireKept();
    await backlog.freeKeys();
    await store.purge();
  }
}

export function storedOf({ job, state: word }: SeenJob, now: number): StoredJob | undefined {
  const state = stateOf(job, word, now);
  return state && { id: job.id, record: recordOf(job, state) };
}
