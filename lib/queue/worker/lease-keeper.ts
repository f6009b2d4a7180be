import type { Broker } from '../broker/broker.js';
import type { WorkerRecord, Workers } from '../client/workers.js';
import type { Clock } from '../broker/clock.js';
import type { ExecutionRun } from './execution-run.js';
import type { QueueLog } from '../log/queue-log.js';

/** Number of renewals, and of looks for expired leases, in the time of a lease. */
const BEATS_PER_LEASE = 3;

/** Worker that the keeper looks after. */
interface LeasedWorker {
  readonly runs: ReadonlySet<ExecutionRun>;
  /** Returns its announcement, while it can claim or is busy. */
  info(): WorkerRecord | undefined;
}

/**
 * Renews the leases of what runs here, also while the worker drains; hands on those of dead workers; shows that this one
 * is alive. On a broker of this process alone it rests while nothing runs.
 */
export class LeaseKeeper {
  private cancelBeat: (() => void) | undefined;
  private cancelExpiry: (() => void) | undefined;
  private cancelRecovery: (() => void) | undefined;
  private isStopped = false;

  constructor(
    private readonly worker: LeasedWorker,
    private readonly broker: Broker,
    private readonly workers: Workers,
    private readonly clock: Clock,
    /** Lease of a claim, in milliseconds. */
    private readonly lease: number,
    private readonly log: QueueLog,
    /** Other regular repairs. */
    private readonly sweep: () => Promise<void>,
  ) {}

  private get interval(): number {
    return this.lease / BEATS_PER_LEASE;
  }

  start(): void {
    if (this.broker.isShared) this.beat();
  }

  /** Starts to renew: something runs now. */
  wake(): void {
    this.cancelBeat ??= this.clock.schedule(this.interval, () => this.beat());
  }

  stop(): void {
    this.isStopped = true;
    this.cancelBeat?.();
    this.cancelExpiry?.();
    this.cancelRecovery?.();
  }

  private beat(): void {
    this.cancelBeat = undefined;
    if (this.isStopped) return;
    // Scheduled first: a broker that does not answer must not hold up the next one.
    if (this.broker.isShared || this.worker.runs.size > 0) this.wake();
    this.renew().catch((error: unknown) => this.log.disrupted(error));
    this.recover().catch((error: unknown) => this.log.disrupted(error));
  }

  /** Stops runs whose lease has expired: another worker may hold them, and stopped is better than run twice. */
  private expire(): void {
    this.cancelExpiry?.();
    const now = this.clock.now();
    const running = this.leased().filter(({ phase }) => phase !== 'settling');
    for (const run of running) run.expire();
    const first = Math.min(...running.filter((run) => !run.isLost).map((run) => run.leaseUntil));
    if (first < now + this.interval) this.cancelExpiry = this.clock.schedule(first - now, () => this.expire());
  }

  private leased(): ExecutionRun[] {
    return [...this.worker.runs].filter((run) => !run.isLost);
  }

  /** Cancels a run that is said to be cancelled, if the store says so, too. */
  async confirm(run: ExecutionRun): Promise<void> {
    try {
      await this.renewAll([run]);
    } catch (error) {
      this.log.disrupted(error); // the next renewal tells
    }
  }

  private async renew(): Promise<void> {
    this.expire();
    const runs = this.leased();
    if (runs.length > 0) await this.renewAll(runs);
  }

  private async renewAll(leased: readonly ExecutionRun[]): Promise<void> {
    const now = this.clock.now();
    const runs = new Map(leased.map((run) => [run.claim, run]));
    const { lost, cancelled } = await this.broker.runs.renew([...runs.keys()]);
    for (const run of runs.values()) run.extendLease(now + this.lease);
    for (const [claim, reason] of cancelled) runs.get(claim)?.cancel(reason);
    for (const claim of lost) {
      const run = runs.get(claim);
      // One that was settled meanwhile has no lease any more, and needs none.
      if (run !== undefined && run.phase !== 'settling') run.loseLease();
    }
  }

  /** Recovers again at a time: a slot with waiters is free at once when its lease is over. */
  private recoverAgain(at: number | undefined): void {
    this.cancelRecovery?.();
    const now = this.clock.now();
    if (at === undefined || this.isStopped || at >= now + this.interval) return;
    this.cancelRecovery = this.clock.schedule(Math.max(1, at - now), () => {
      this.recover().catch((error: unknown) => this.log.disrupted(error));
    });
  }

  private async recover(): Promise<void> {
    const { crashed, againAt } = await this.broker.runs.recover();
    this.log.recovered(crashed);
    this.recoverAgain(againAt);
    const info = this.broker.isShared ? this.worker.info() : undefined;
    if (info !== undefined) await this.workers.announce(info);
    await this.sweep();
  }
}
