import type { ResolvedQueueOptions } from '../queue-settings.js';
import { HANDLE_RETENTION, type Listing } from '../broker.js';
import { readRecord } from '../stored.js';
import type { EndedJobs } from './backlog.js';
import type { Connections } from './connections.js';
import { encodeKey } from './execution-id.js';
import { jobOf, recordOf, stateOf, statusOf } from './job-codec.js';
import { memoOf, type Memo } from './job-memo.js';
import { REPLACEMENTS } from './replacement.js';
import type { SeenJob } from './seen-job.js';
import {
  isEnded,
  type ChainSchedule,
  type ExecutionRecord,
  type ExecutionStatus,
  type LiveState,
  type NewExecution,
} from '../record.js';

/** Number of ended jobs that one call forgets. */
const PAGE = 500;
/** Number of delayed jobs that are looked at to find retries, however few are listed. The rest counts as scheduled. */
const LOOKS = 1_000;

/** Execution as BullMQ keeps it. */
export interface StoredJob {
  readonly id: string;
  readonly record: ExecutionRecord;
}

/** Executions as BullMQ jobs: added, read by id, taken away, remembered for a while. */
export class JobStore {
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

  /** Time for which ended jobs are kept, in milliseconds. */
  get memory(): number {
    return Math.max(this.options.retention, HANDLE_RETENTION);
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
    await this.connections.store.setNote('gone', record.id, JSON.stringify(ended), this.memory);
  }

  /** Before an execution ends: its key leads to it then, until another ends that had it later. */
  async pointTo({ id, key }: ExecutionRecord): Promise<void> {
    const { retention } = this.options;
    if (key === id || retention === 0) return;
    await this.connections.store.setNote('ended', encodeKey(key), id, retention);
  }

  /** Lets one that is delayed, or parked, go on now. @returns whether it was. */
  wake(id: string): Promise<boolean> {
    return this.connections.promote(id);
  }

  /** Moves a delayed job to another time. @returns whether it was delayed, and its record still the same. */
  async retime({ id, run, when: known }: ExecutionRecord, when: number, schedule: ChainSchedule): Promise<boolean> {
    const seen = await this.connections.readJob(id);
    if (seen === undefined || stateOf(seen.job, seen.state, Date.now()) !== 'scheduled') return false;
    const record = recordOf(seen.job, 'scheduled');
    if (record.run !== run || record.when !== known) return false;
    const { since: _since, ...carried } = memoOf(seen.job);
    const next: Memo = { ...carried, when, schedule };
    return this.connections.retime(id, when, { expected: seen.job.failedReason, next: JSON.stringify(next) });
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

  /** Forgets what has ended long enough ago. BullMQ does so only when another job ends. */
  async clean(): Promise<void> {
    const until = Date.now() - this.memory;
    const { queue, store, backlog } = this.connections;
    for (const state of ['completed', 'failed']) {
      while ((await queue.cleanJobsByState(state, until, PAGE)).length === PAGE);
    }
    await backlog.freeKeys();
    await store.purge();
  }
}

function storedOf({ job, state: word }: SeenJob, now: number): StoredJob | undefined {
  const state = stateOf(job, word, now);
  return state && { id: job.id, record: recordOf(job, state) };
}
