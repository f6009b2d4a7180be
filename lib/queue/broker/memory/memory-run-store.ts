import { endOf, type Settlement } from '../settlement.js';
import { LeaseLostError } from '../queue-errors.js';
import { extendTrail, recoveryOf, trailAfter } from '../trail.js';
import type { Claim, Recovery, Renewal, RunStore } from '../broker.js';
import { MemoryClaim } from './memory-claim.js';
import type { MemoryExecution } from './memory-execution.js';
import type { MemoryQueue } from './memory-queue.js';
import type { ProgressRecord } from '../record.js';

/** Runs of a memory broker. */
export class MemoryRunStore implements RunStore {
  constructor(protected readonly queue: MemoryQueue) {}

  claim(): Promise<Claim | undefined> {
    const turn = this.queue.turn.pass();
    return turn === undefined ? Promise.resolve(this.claimNow()) : turn.then(() => this.claimNow());
  }

  waitForWork(signal: AbortSignal): Promise<void> {
    this.queue.promote();
    if (signal.aborted || this.queue.readyAndDelayed.hasDue) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.queue.waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        if (this.queue.waiters.size === 0) this.queue.disarm?.();
        resolve();
      };
      this.queue.waiters.add(wake);
      signal.addEventListener('abort', wake);
      this.queue.arm();
    });
  }

  settle(claim: Claim, settlement: Settlement, claimNext: boolean): Promise<Claim | undefined> {
    try {
      this.settleNow(claim, settlement);
    } catch (error) {
      return Promise.reject(error);
    }
    return claimNext ? this.claim() : Promise.resolve(undefined);
  }

  renew(claims: readonly Claim[]): Promise<Renewal> {
    const lost: Claim[] = [];
    const cancelled = new Map<Claim, string>();
    const until = this.queue.clock.now() + this.queue.options.lease;
    for (const claim of claims) {
      const execution = this.queue.heldBy(claim);
      if (execution === undefined) {
        lost.push(claim);
        continue;
      }
      execution.leaseUntil = until;
      if (execution.cancellation !== undefined) cancelled.set(claim, execution.cancellation);
    }
    this.queue.limits.renew(claims.filter((claim) => !lost.includes(claim)));
    return Promise.resolve({ lost, cancelled });
  }

  recover(): Promise<Recovery> {
    this.queue.expire();
    const now = this.queue.clock.now();
    let crashed = 0;
    for (const execution of this.queue.executions.counts.running === 0 ? [] : this.queue.executions) {
      if (execution.state !== 'running' || (execution.token !== undefined && execution.leaseUntil > now)) continue;
      execution.token = undefined;
      if (!execution.isExcused) execution.crashes += 1;
      execution.isExcused = false;
      execution.wasLost = true;
      crashed += 1;
      this.queue.enqueue(execution);
    }
    const { woken, nextAt } = this.queue.limits.sweep();
    this.queue.wakeAll(woken);
    return Promise.resolve({ crashed, ...(nextAt !== undefined && { againAt: nextAt }) });
  }

  excuse({ id, token }: Claim): Promise<void> {
    const execution = this.queue.executions.find(id);
    if (execution?.token === token) execution.isExcused = true;
    else if (execution !== undefined) execution.crashes = Math.max(0, execution.crashes - 1);
    return Promise.resolve();
  }

  wake(key: string): Promise<boolean> {
    const execution = this.queue.executions.holderOf(key);
    if (execution?.state !== 'parked') return Promise.resolve(false);
    this.queue.enqueue(execution);
    return Promise.resolve(true);
  }

  setProgress(claim: Claim, progress: ProgressRecord): Promise<void> {
    const execution = this.queue.heldBy(claim);
    if (execution !== undefined) execution.progress = progress;
    return Promise.resolve();
  }

  protected claimNow(): Claim | undefined {
    this.queue.promote();
    const execution = this.queue.readyAndDelayed.take();
    if (execution === undefined) return undefined;
    const token = this.queue.newToken();
    execution.token = token;
    const now = this.queue.clock.now();
    execution.leaseUntil = now + this.queue.options.lease;
    execution.isInLine = false;
    execution.progress = undefined; // that of an earlier start
    execution.starts += 1;
    execution.worker = this.queue.options.workerId;
    execution.startedAt = now;
    if (execution.wasLost) this.noteRecovery(execution);
    this.queue.move(execution, 'running');
    return new MemoryClaim(execution, token);
  }

  private noteRecovery(execution: MemoryExecution): void {
    const { startedAt = 0, crashes, worker } = execution;
    execution.wasLost = false;
    execution.trail = extendTrail(execution.trail, recoveryOf(startedAt, Math.max(1, crashes), worker));
  }

  /** @throws {LeaseLostError} */
  protected settleNow(claim: Claim, settlement: Settlement): void {
    const now = this.queue.clock.now();
    const execution = this.queue.heldBy(claim, now);
    if (execution === undefined) throw new LeaseLostError(claim.record.key);
    execution.token = undefined;
    const { replacement } = execution;
    if (settlement.type !== 'complete') execution.trail = trailAfter(execution.toRecord(), settlement, now);
    if (execution.hasAsked) this.leaveLimits(execution, claim.token, settlement);
    this.settleRun(execution, settlement, now);
    if (execution.hasAsked && this.queue.limits.isGranted(execution.id)) this.queue.wakeAll([execution]);
    if (replacement === undefined) return;
    execution.replacement = undefined;
    this.queue.place(replacement);
  }

  private settleRun(execution: MemoryExecution, settlement: Settlement, now: number): void {
    switch (settlement.type) {
      case 'complete':
        // Those of earlier attempts say nothing of one that has completed.
        execution.error = undefined;
        execution.reason = undefined;
        execution.result = settlement.result;
        return this.queue.end(execution, endOf(settlement), now);
      case 'fail':
        execution.error = settlement.error;
        return this.queue.end(execution, endOf(settlement), now);
      case 'cancel':
      case 'drop':
        execution.reason = settlement.reason;
        return this.queue.end(execution, endOf(settlement), now);
      case 'retry':
        execution.crashes = 0;
        execution.attempt += 1;
        execution.error = settlement.error;
        return this.queue.schedule(execution, 'retrying', settlement.at, now);
      case 'reschedule':
        execution.crashes = 0;
        execution.attempt = 1;
        execution.run += 1;
        execution.args = settlement.args;
        execution.since = settlement.at;
        execution.error = settlement.error;
        execution.reason = settlement.reason;
        execution.progress = undefined;
        if (settlement.schedule !== undefined) {
          execution.extras = { ...execution.extras, schedule: settlement.schedule };
        }
        return this.queue.schedule(execution, 'scheduled', settlement.at, now);
      case 'release':
        execution.reason = settlement.reason;
        if (settlement.isUnstarted === true) execution.starts -= 1;
        if (settlement.at === undefined) return this.queue.enqueue(execution);
        return this.queue.schedule(execution, execution.attempt > 1 ? 'retrying' : 'scheduled', settlement.at, now);
      case 'park':
        execution.reason = settlement.reason;
        execution.starts -= 1;
        return this.queue.move(execution, 'parked');
    }
  }

  /** Leaves the limits, unless the execution comes back for its place in line, or for a reserved time. */
  private leaveLimits(execution: MemoryExecution, token: string, settlement: Settlement): void {
    const isInLine = execution.isInLine && settlement.type === 'park';
    const hasPlace = settlement.type === 'release' && settlement.isUnstarted === true;
    if (hasPlace) this.queue.wakeAll(this.queue.limits.release(execution.id, token));
    else if (!isInLine) this.queue.forgetLimits(execution);
  }
}
