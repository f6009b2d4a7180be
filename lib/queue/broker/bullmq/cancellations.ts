import type { Cancellation, Foretell } from '../broker.js';
import type { SlotAcquisition } from './slot-acquisition.js';
import type { JobName, Signalled, SignalledJob } from './backlog.js';
import type { Connections } from './connections.js';
import { looksLikeExecutionId } from '../execution-id.js';
import { encodeKey } from './encoded-key.js';
import type { FleetSignals } from './fleet-signals.js';
import type { JobStore } from './job-store.js';
import type { Replacements } from './replacements.js';
import { isEnded } from '../record.js';

/** Cancels executions: those that wait, those that are to follow a run, and runs, by a signal to their worker. */
export class Cancellations {
  constructor(
    private readonly connections: Connections,
    private readonly jobs: JobStore,
    private readonly replacements: Replacements,
    private readonly fleetSignals: FleetSignals,
    private readonly acquisition: SlotAcquisition,
  ) {}

  /**
   * Cancels an execution. A running task hears of it before anything else is done.
   *
   * @param id leaves every other execution with the key alone.
   */
  async cancel(key: string, reason: string, id?: string, foretell?: Foretell): Promise<Cancellation> {
    if (id === undefined) return this.cancelKey(key, reason, foretell);
    const end = async (): Promise<Cancellation> => {
      const { job } = await this.signal({ id }, reason);
      return job === undefined ? 'not-found' : this.cancelJob(job, key, reason, foretell);
    };
    const early = await end();
    if (early !== 'not-found') return early;
    if (await this.replacements.cancel(key, reason, id, foretell)) return 'cancelled';
    return end(); // between the looks, what was to follow a run may have become a job
  }

  /** Cancels all that does not run. @returns how many. */
  async clear(reason: string): Promise<number> {
    const { connections, acquisition } = this;
    const { backlog } = connections;
    let cleared = await connections.answer(() => this.replacements.cancelAll(reason));
    for (;;) {
      const { ids, candidates, isLast } = await connections.answer(() => backlog.clear(reason));
      cleared += ids.length;
      this.fleetSignals.tellChanged(ids);
      const hasWoken = await connections.answer(() => acquisition.forget(candidates));
      if (isLast && !hasWoken) return cleared;
    }
  }

  private async cancelKey(key: string, reason: string, foretell?: Foretell): Promise<Cancellation> {
    // An execution that was added without a key has its id for one.
    const name: JobName = { key: encodeKey(key), ...(looksLikeExecutionId(key) && { id: key }) };
    let isWithdrawn = false;
    let found = await this.signal(name, reason);
    while (found.isReplaced) {
      isWithdrawn = (await this.replacements.cancel(key, reason, undefined, foretell)) || isWithdrawn;
      found = await this.signal(name, reason);
    }
    const end = found.job && (await this.cancelJob(found.job, key, reason, foretell));
    return end === 'not-found' || end === undefined ? (isWithdrawn ? 'cancelled' : 'not-found') : end;
  }

  private async cancelJob(
    found: SignalledJob,
    key: string,
    reason: string,
    foretell?: Foretell,
  ): Promise<Cancellation> {
    const { id, name } = found;
    let isSignalled = false;
    for (let job: SignalledJob | undefined = found; job !== undefined;) {
      if (job.isRunning) {
        isSignalled = true;
        // One that has been parked or put off meanwhile has not heard of it, and may not for long.
        const now = await this.jobs.look(id);
        if (now === undefined || isEnded(now.state) || now.state === 'running') return 'signalled';
      }
      await foretell?.({ id, key, name });
      const { ids, candidates } = await this.jobs.cancelWaiting(id, reason);
      if (ids.length > 0) {
        await this.acquisition.forget(candidates);
        this.fleetSignals.tellChanged(ids);
        return 'cancelled';
      }
      ({ job } = await this.signal({ id }, reason)); // it has been started, or has ended
    }
    return isSignalled ? 'signalled' : 'not-found';
  }

  private signal(name: JobName, reason: string): Promise<Signalled> {
    return this.connections.backlog.signal(name, reason);
  }
}
