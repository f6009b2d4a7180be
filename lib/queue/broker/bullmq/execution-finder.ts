import type { Connections } from './connections.js';
import { looksLikeExecutionId } from '../execution-id.js';
import { encodeKey } from './encoded-key.js';
import type { JobStore, StoredJob } from './job-store.js';
import { recordOfReplacement, replacementOf } from './replacement.js';
import { isEnded, type EndState, type ExecutionRecord, type ExecutionStatus } from '../record.js';

/** Finds executions by key and by id: live, waiting to follow a run, or ended and remembered. */
export class ExecutionFinder {
  constructor(
    private readonly connections: Connections,
    private readonly jobs: JobStore,
  ) {}

  /** Returns the execution that has the key, or was the last to have it. */
  async get(key: string): Promise<ExecutionRecord | undefined> {
    return (await this.liveOf(key))?.record ?? (await this.endedOf(key));
  }

  /** Returns the execution that has the key and has not ended. */
  async liveOf(key: string): Promise<StoredJob | undefined> {
    for (const id of await this.idsOf(key)) {
      const job = await this.jobs.readLive(id);
      if (job !== undefined) return job;
    }
    return undefined;
  }

  async liveIdOf(key: string): Promise<string | undefined> {
    for (const id of await this.idsOf(key)) if (await this.jobs.isLive(id)) return id;
    return undefined;
  }

  /** Returns an execution, however many others have had its key since. */
  async find(id: string, key: string): Promise<ExecutionStatus | undefined> {
    const job = await this.jobs.look(id);
    if (job !== undefined) return { ...job, key };
    const replacement = await replacementOf(this.connections.store, key);
    if (replacement?.id === id) return recordOfReplacement(replacement);
    const gone = await this.jobs.readGone(id);
    if (gone !== undefined) return gone;
    // Between the looks, what was to follow a run may have become a job.
    const late = await this.jobs.look(id);
    return late && { ...late, key };
  }

  /** Returns an execution with its arguments, however many others have had its key since. */
  async read(id: string, key: string): Promise<ExecutionRecord | undefined> {
    const job = await this.jobs.read(id);
    if (job !== undefined) return job.record;
    const replacement = await replacementOf(this.connections.store, key);
    if (replacement?.id === id) return recordOfReplacement(replacement);
    return (await this.jobs.readGone(id)) ?? (await this.jobs.read(id))?.record; // it may have become a job meanwhile
  }

  /** Ids of jobs that may have the key: of the one that BullMQ knows it of, and the key of one that was added without. */
  private async idsOf(key: string): Promise<string[]> {
    const id = await this.connections.queue.getDeduplicationJobId(encodeKey(key));
    return [...(id === null ? [] : [id]), ...(looksLikeExecutionId(key) ? [key] : [])];
  }

  private async endedOf(key: string): Promise<ExecutionRecord | undefined> {
    const last = await this.connections.ended.lastOf(encodeKey(key));
    const id = last ?? (looksLikeExecutionId(key) ? key : undefined);
    if (id === undefined) return undefined;
    const record = (await this.jobs.read(id))?.record ?? (await this.jobs.readGone(id));
    if (record === undefined || !isEnded(record.state)) return undefined;
    const { endedAt = 0, name, state } = record;
    if (endedAt + this.jobs.retention.of(name, state as EndState) > Date.now()) return record;
    return (await this.connections.ended.isKept(id)) ? record : undefined; // by a task that is not declared here
  }
}
