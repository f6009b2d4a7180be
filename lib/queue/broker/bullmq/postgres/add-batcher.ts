import type { IQueueBackend, JobJson } from 'bullmq';
import { createDeferred, type Deferred } from '../../../../task/deferred.js';

interface Waiting {
  readonly job: JobJson;
  readonly id: Deferred<string>;
}

/** Largest batch that one statement takes without holding up others for long. */
const MAX_BATCH = 500;
/**
 * BullMQ has two ways to add many. That for flows grows with their number; the other creates temporary tables, which costs
 * as much as some thirty jobs of a flow.
 */
const LARGEST_FLOW = 32;

/**
 * Sends adds as batches of one statement each, in the order of the calls: what comes in one turn of the event loop, or
 * while the last batch is on its way. On PostgreSQL, each statement costs a commit.
 */
export class AddBatcher {
  #waiting: Waiting[] = [];
  #isSending = false;

  constructor(
    private readonly backend: IQueueBackend,
    private readonly queueName: string,
  ) {}

  /** @returns the id of the job that has the key: this one, or the one that had it before. */
  add(job: JobJson): Promise<string> {
    const id = createDeferred<string>();
    this.#waiting.push({ job, id });
    if (!this.#isSending) {
      this.#isSending = true;
      setImmediate(() => void this.#sendAll());
    }
    return id.promise;
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, MAX_BATCH);
      this.#waiting = this.#waiting.slice(MAX_BATCH);
      await this.#send(batch);
    }
    this.#isSending = false;
  }

  async #send(batch: Waiting[]): Promise<void> {
    try {
      const ids = await this.#addAll(batch.map(({ job }) => job));
      batch.forEach(({ id }, at) => id.resolve(ids[at] as string));
    } catch (error) {
      // One job that the database refuses takes the whole batch with it, so then each gets an answer of its own.
      if (batch.length > 1 && isRefusal(error)) {
        for (const one of batch) await this.#send([one]);
        return;
      }
      // In an outage, those who wait behind it are not to wait for as long again, nor to be added when they have given up.
      const behind = isRefusal(error) ? [] : this.#waiting.splice(0);
      for (const { id } of [...batch, ...behind]) id.reject(error);
    }
  }

  async #addAll(jobs: readonly JobJson[]): Promise<string[]> {
    const [first] = jobs;
    if (jobs.length === 1 && first !== undefined) return [await this.backend.addJob(first, first.id)];
    if (jobs.length > LARGEST_FLOW) return this.backend.addJobs(jobs.map((job) => ({ job, jobId: job.id })));
    const entries = jobs.map((job) => ({
      jobData: job,
      jobId: job.id,
      parentKeyOpts: {},
      prefix: '',
      queueName: this.queueName,
    }));
    const answers = await this.backend.addFlow(entries);
    const [failure] = answers.flatMap(([error]) => error ?? []);
    if (failure !== undefined) throw failure;
    return answers.map(([, id]) => String(id));
  }
}

/**
 * Tells refusals by their SQLSTATE: data that cannot be stored, a deadlock with another batch, or BullMQ's own refusal.
 */
function isRefusal(error: unknown): boolean {
  return /^(?:22|23|40|54|BM|P0)/.test(String((error as { code?: unknown } | undefined)?.code));
}
