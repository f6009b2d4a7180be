import type { IQueueBackend, JobJson } from 'bullmq';
import { createDeferred, type Deferred } from '../../../task/deferred.js';

interface Waiting {
  readonly job: JobJson;
  readonly id: Deferred<string>;
}

/** As many as one statement takes without holding up others for long. */
const MAX_BATCH = 500;

/**
 * Sends adds as batches of one statement each, in the order of the calls: what comes in one turn of the event loop, or
 * while the last batch is on its way. On PostgreSQL, each statement costs a commit.
 */
export class AddBatcher {
  #waiting: Waiting[] = [];
  #isSending = false;

  constructor(private readonly backend: IQueueBackend) {}

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
      const ids = await this.backend.addJobs(batch.map(({ job }) => ({ job, jobId: job.id })));
      batch.forEach(({ id }, at) => id.resolve(ids[at] as string));
    } catch {
      // One job that the database refuses takes the whole batch with it, so each gets an answer of its own.
      for (const { job, id } of batch) {
        await this.backend.addJob(job, job.id).then(id.resolve, id.reject);
      }
    }
  }
}
