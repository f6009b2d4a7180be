import type { Claim, Settlement } from '../broker.js';
import type { Admission, Gate, Gatekeeper, Guest, PoolRecord } from '../gates/gate.js';
import type { JobStore, StoredJob } from './job-store.js';

/** Leads executions through the gates, and wakes parked ones for whom somebody has made room. */
export class Admissions {
  /** Claims that hold slots. */
  private readonly holding = new Set<Claim>();
  /** Claims that are in line, until they are parked. */
  private readonly waiting = new WeakSet<Claim>();

  constructor(
    private readonly gates: Gatekeeper,
    private readonly jobs: JobStore,
  ) {}

  async admit(claim: Claim, gates: readonly Gate[]): Promise<Admission> {
    const { id, token, record } = claim;
    const { key, run, attempt, addedAt } = record;
    // Ids sort by time as well, within a millisecond too where one process has made them.
    const order = `${String(addedAt).padStart(15, '0')} ${id}`;
    const { admission, woken } = await this.gates.admit({ id, key, token, run, attempt, order }, gates);
    if (admission.type === 'admitted' && gates.some(({ type }) => type === 'concurrency')) this.holding.add(claim);
    if (admission.type === 'waits') this.waiting.add(claim);
    void this.wake(woken);
    return admission;
  }

  /** The run is over, or will not be: others may have its slots. Errors are left to the next sweep. */
  release(claim: Claim, { type }: Settlement): void {
    const isHolding = this.holding.delete(claim);
    const hasLeft = type !== 'park' && this.waiting.delete(claim);
    if (isHolding) this.gates.release(claim.id, claim.token).then((woken) => this.wake(woken), ignore);
    else if (hasLeft) this.forget(claim.id).catch(ignore);
  }

  /** One that waits is parked now: it may have been handed its slot before that. */
  async parked(claim: Claim): Promise<void> {
    if (!this.waiting.delete(claim)) return;
    if (await this.gates.isHandedOver(claim.id)) await this.wake([{ id: claim.id, key: claim.record.key }]);
  }

  /** An execution is gone before it ran. If it has ever come to a gate, it has been put off for a reason. */
  async forgetVisit({ id, record }: StoredJob): Promise<void> {
    if (record.reason !== undefined) await this.forget(id);
  }

  async renew(claims: readonly Claim[]): Promise<void> {
    const holders = claims.filter((claim) => this.holding.has(claim));
    if (holders.length > 0) await this.gates.renew(holders);
  }

  /** @returns when the next slot expires that somebody waits for. */
  async sweep(): Promise<number | undefined> {
    const { woken, nextAt } = await this.gates.sweep();
    await this.wake(woken);
    return nextAt;
  }

  pools(): Promise<PoolRecord[]> {
    return this.gates.pools();
  }

  private async forget(id: string): Promise<void> {
    await this.wake(await this.gates.forget(id));
  }

  /** Those who do not come for what is on offer to them are woken again by a later sweep. */
  private async wake(guests: readonly Guest[]): Promise<void> {
    await Promise.all(
      guests.map(async ({ id }) => {
        // One that is just being parked, or runs already, finds out by itself.
        if (!(await this.jobs.wake(id)) && !(await this.jobs.isLive(id))) await this.forget(id);
      }),
    ).catch(() => {});
  }
}

function ignore(): void {}
