import type { ResolvedQueueOptions } from '../../queue-options.js';
import { isEnded, type ExecutionRecord, type Listing, type LiveState, type NewExecution } from '../broker.js';
import { AddBatcher } from './add-batcher.js';
import type { Connections } from './connections.js';
import { encodeKey, looksLikeExecutionId } from './execution-id.js';
import { jobOf, recordOf, stateOf } from './job-codec.js';

const PAGE = 500;
/** So many delayed ones are looked at to count them by state, however few are listed. The rest counts as scheduled. */
const MIN_SORTED = 1_000;
/** BullMQ's names for what waits, in the order in which it is started. */
const WAITING = ['wait', 'prioritized', 'delayed'] as const;

/** Its names for the states of what waits. */
const WAITING_STATES = new Set<string>(['waiting', 'paused', 'prioritized', 'delayed']);
const LIVE_IN_BULLMQ = new Set<string>([...WAITING_STATES, 'active']);

/** One execution as BullMQ keeps it. */
export interface StoredJob {
  readonly id: string;
  readonly record: ExecutionRecord;
}

/** Executions as BullMQ jobs: added, found, taken away, remembered for a while. */
export class JobStore {
  private readonly batcher: AddBatcher;

  constructor(
    private readonly connections: Connections,
    private readonly options: ResolvedQueueOptions,
  ) {
    this.batcher = new AddBatcher(connections.queue, options.name);
  }

  /** @returns the id of the job that has the key: this one, or the one that had it before. */
  add(execution: NewExecution, id: string): Promise<string> {
    const job = jobOf(execution, id, Date.now(), this.connections.keepsText);
    return this.connections.addsInBatches ? this.batcher.add(job) : this.connections.queue.addJob(job, id);
  }

  async read(id: string): Promise<StoredJob | undefined> {
    const { queue, isOrdered } = this.connections;
    // BullMQ reads the state and the rest apart. Only between two equal looks at the state, they belong together.
    const asks = [() => queue.getState(id), () => queue.getJobData(id), () => queue.getState(id)] as const;
    const [before, job, after] = isOrdered
      ? await Promise.all([asks[0](), asks[1](), asks[2]()])
      : [await asks[0](), await asks[1](), await asks[2]()];
    if (job === undefined) return undefined;
    if (before !== after) return this.read(id);
    const known = { ...job, id };
    const state = stateOf(known, after, Date.now());
    return state && { id, record: recordOf(known, state) };
  }

  /** The execution that has the key and has not ended. */
  async findLive(key: string): Promise<StoredJob | undefined> {
    const [keyed, unkeyed] = await Promise.all([
      this.connections.queue
        .getDeduplicationJobId(encodeKey(key))
        .then((id) => (id === null ? undefined : this.read(id))),
      looksLikeExecutionId(key) ? this.read(key) : undefined,
    ]);
    return [keyed, unkeyed].find((job) => job !== undefined && !isEnded(job.record.state));
  }

  /** The last execution that had the key, as long as it is remembered. */
  async findEnded(key: string): Promise<ExecutionRecord | undefined> {
    const [note] = await this.connections.store.getNotes('ended', [encodeKey(key)]);
    const [id = note, text] = note?.split(/ (.*)/s) ?? [];
    if (text !== undefined && text !== '') return JSON.parse(text) as ExecutionRecord;
    const job = await this.read(id ?? key);
    if (job === undefined || !isEnded(job.record.state)) return undefined;
    const { endedAt = 0 } = job.record;
    return endedAt + this.options.retention > Date.now() ? job.record : undefined;
  }

  /** Lets one that is delayed, or parked, go on now. @returns whether it was. */
  wake(id: string): Promise<boolean> {
    return this.connections.promote(id);
  }

  async isLive(id: string): Promise<boolean> {
    return LIVE_IN_BULLMQ.has(await this.connections.queue.getState(id));
  }

  /** @returns whether it was removed; not when it has been started or has ended meanwhile. */
  remove(id: string): Promise<boolean> {
    return this.connections.remove(id);
  }

  /** @returns whether it was; not when it has been started meanwhile. */
  async cancelWaiting({ id, record }: StoredJob, reason: string): Promise<boolean> {
    const { store, queue } = this.connections;
    const key = encodeKey(record.key);
    const ended: ExecutionRecord = { ...record, state: 'cancelled', reason, endedAt: Date.now() };
    // First: a crash in between leaves a note that nobody reads as long as the execution lives.
    await this.remember(key, `${id} ${JSON.stringify(ended)}`);
    // BullMQ would remove one that has ended meanwhile as well.
    const isWaiting = WAITING_STATES.has(await queue.getState(id));
    if (isWaiting && (await this.remove(id))) return true;
    // It is found by its own id from now on, whatever becomes of it.
    await store.deleteNote('ended', key);
    await this.remember(key, id);
    return false;
  }

  async size(): Promise<number> {
    // First: one that is taken from here is counted as a job from then on.
    const replacements = await this.connections.store.entries('replacements');
    const counts = await this.connections.queue.getCounts(['active', ...WAITING]);
    return counts.reduce((sum, count) => sum + count, replacements.length);
  }

  async list(limit: number): Promise<Listing> {
    const { queue } = this.connections;
    const [[active = 0, wait = 0, prioritized = 0, delayed = 0], ranges] = await Promise.all([
      queue.getCounts(['active', ...WAITING]),
      queue.getRanges(['active', ...WAITING], 0, Math.max(limit, MIN_SORTED) - 1, true),
    ]);
    const delayedIds = ranges.at(-1) ?? [];
    const listed = ranges.flat().slice(0, limit);
    const jobs = await Promise.all([...new Set([...listed, ...delayedIds])].map((id) => this.read(id)));
    const records = jobs.flatMap((job) => (job === undefined || isEnded(job.record.state) ? [] : [job]));
    // BullMQ counts all of them as delayed; which is which only a look at each can tell.
    const delayedOf = new Set<string>(delayedIds);
    const seen = (state: LiveState): number =>
      records.filter(({ id, record }) => delayedOf.has(id) && record.state === state).length;
    const [due, retrying, parked] = [seen('queued'), seen('retrying'), seen('parked')];
    return {
      counts: {
        running: active,
        queued: wait + prioritized + due,
        scheduled: Math.max(0, delayed - due - retrying - parked),
        retrying,
        parked,
      },
      records: records.slice(0, limit).map(({ record }) => record),
    };
  }

  /** @returns what was cancelled. */
  async cancelAllWaiting(reason: string): Promise<StoredJob[]> {
    const cancelled: StoredJob[] = [];
    for (let start = 0; ;) {
      const page = (await this.connections.queue.getRanges([...WAITING], start, start + PAGE - 1, true)).flat();
      if (page.length === 0) return cancelled;
      const jobs = (await Promise.all(page.map((id) => this.read(id)))).filter((job) => job !== undefined);
      const removed = await Promise.all(jobs.map((job) => this.cancelWaiting(job, reason)));
      const gone = jobs.filter((_, at) => removed[at]);
      cancelled.push(...gone);
      if (gone.length === 0) start += PAGE; // they were started meanwhile
    }
  }

  /** Forgets what has ended long enough ago. BullMQ does so only when another job ends. */
  async clean(): Promise<void> {
    const until = Date.now() - this.options.retention;
    const { queue, store } = this.connections;
    for (const state of ['completed', 'failed']) {
      while ((await queue.cleanJobsByState(state, until, PAGE)).length === PAGE);
    }
    await store.purge();
  }

  /** What the key leads to when its execution has ended: an id, or an id and a record. */
  async remember(key: string, note: string): Promise<void> {
    if (this.options.retention > 0) await this.connections.store.setNote('ended', key, note, this.options.retention);
  }
}
