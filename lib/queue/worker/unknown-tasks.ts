import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../broker/clock.js';
import { Workers } from '../client/workers.js';
import type { ExecutionRun } from './execution-run.js';
import { QueueLog } from '../log/queue-log.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { REASONS } from '../broker/reasons.js';
import type { Settlement } from '../broker/settlement.js';

/** Part of a lease for which an execution waits before it is offered again, perhaps to a worker that knows it. */
const DELAYS_PER_LEASE = 8;
const DELAY = { least: 100, most: 1_000 };
/** Number of leases for which no worker must have known an automatic task before its chain ends. */
const ABANDONED_LEASES = 2;

/** Decides what becomes of executions whose task is not declared in this process. */
@Injectable()
export class UnknownTasks {
  /** Times since which no worker of the fleet has known a task, and of the last look. */
  private readonly unknown = new Map<string, { readonly since: number; readonly seenAt: number }>();

  constructor(
    private readonly workers: Workers,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    private readonly log: QueueLog,
  ) {}

  /** Handed back, since a newer deploy may know it; but what the queue has added by itself goes with its code. */
  async settlementOf({ name, key, claim }: ExecutionRun): Promise<Settlement> {
    if (claim.record.extras?.isAutomatic === true && (await this.isAbandoned(name, claim.record.addedAt))) {
      return { type: 'drop', reason: REASONS.unclaimedAutomatic() };
    }
    const delay = Math.min(DELAY.most, Math.max(DELAY.least, Math.ceil(this.options.lease / DELAYS_PER_LEASE)));
    this.log.unknown(name, key, delay);
    return { type: 'release', at: this.clock.now() + delay, reason: REASONS.unknownTask(name) };
  }

  /** @param addedAt whoever has added it then knew it, though it may not have announced itself yet. */
  private async isAbandoned(name: string, addedAt: number): Promise<boolean> {
    const workers = await this.workers.present();
    if (workers.some(({ tasks }) => tasks.includes(name))) {
      this.unknown.delete(name);
      return false;
    }
    const now = this.clock.now();
    const patience = ABANDONED_LEASES * this.options.lease;
    const known = this.unknown.get(name);
    const since = known === undefined || now - known.seenAt > patience ? now : known.since;
    this.unknown.set(name, { since, seenAt: now });
    return now - Math.max(since, addedAt) > patience;
  }
}
