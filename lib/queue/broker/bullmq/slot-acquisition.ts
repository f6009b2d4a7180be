import { setTimeout as sleep } from 'node:timers/promises';
import type { Claim } from '../broker.js';
import type { Admission, Limit, Limiter, PoolMember, PoolRecord } from '../limit.js';
import type { JobMoves } from './job-moves.js';
import type { JobStore } from './job-store.js';
import { areSlots, type ShortCuts } from './short-cuts.js';
import type { Settlement } from '../settlement.js';

const ADMITTED: Admission = { type: 'admitted' };
/** Delays of looks at an execution that is being parked, in milliseconds. */
const PARKING_TIMES = [1, 5, 20, 100, 500] as const;

/** Leads executions through the limits, and wakes parked ones for whom somebody has made room. */
export class SlotAcquisition {
  /** Claims that hold slots: of which pools, and since when. Those whose lease is lost are never settled. */
  private readonly holding = new WeakMap<Claim, { readonly pools: readonly string[]; readonly since: number }>();
  /** Claims that are in line, and will be parked. */
  private readonly waiting = new WeakSet<Claim>();

  constructor(
    private readonly limiter: Limiter,
    private readonly jobs: JobStore,
    private readonly moves: JobMoves,
    private readonly shortCuts: ShortCuts | undefined,
  ) {}

  async admit(claim: Claim, limits: readonly Limit[]): Promise<Admission> {
    const { id, token, record } = claim;
    if (this.shortCuts?.hasSlots(id, this.moves.claimsOf(claim), limits) === true) {
      this.hold(claim, limits);
      return ADMITTED;
    }
    const { key, run, attempt, addedAt, since } = record;
    // Ids sort by time as well, within a millisecond too where one process has made them.
    const order = `${String(addedAt).padStart(15, '0')} ${id}`;
    const { admission, woken } = await this.limiter.admit({ id, key, token, run, attempt, order, since }, limits);
    void this.wake(woken);
    if (admission.type === 'admitted') this.hold(claim, limits);
    if (admission.type !== 'waits') return admission;
    const wait = this.shortCuts?.wait(id, admission);
    if (wait !== undefined) {
      const isGranted = (await wait) || (await this.limiter.isGranted(id));
      if (isGranted && areSlots(limits)) {
        this.hold(claim, limits);
        return ADMITTED;
      }
      if (isGranted) return this.admit(claim, limits); // what goes by time is to take note of it
    }
    this.waiting.add(claim);
    return admission;
  }

  private hold(claim: Claim, limits: readonly Limit[]): void {
    const pools = limits.flatMap(({ type, pool }) => (type === 'concurrency' ? [pool] : []));
    if (pools.length > 0) this.holding.set(claim, { pools, since: Date.now() });
  }

  /** Frees the slots of a run that is over, or will not start. */
  release(claim: Claim, settlement: Settlement): void {
    const held = this.holding.get(claim);
    const wasInLine = this.waiting.delete(claim);
    if (held === undefined) {
      // In line, or with a place that is kept, it comes back for that. Turned away elsewhere, it may have been handed
      // slots before.
      const isInLine = wasInLine && settlement.type === 'park';
      const comesBack = isInLine || (settlement.type === 'release' && settlement.isUnstarted === true);
      if (!comesBack && (wasInLine || this.moves.wasPutOff(claim))) this.forget([claim.id]).catch(ignore);
      return;
    }
    for (const pool of held.pools) this.shortCuts?.noteHeld(pool, Date.now() - held.since);
    // What fails is tried again with the settlement, if that fails as well, or left to the end of the lease.
    this.limiter.release(claim.id, claim.token).then((woken) => {
      this.holding.delete(claim);
      return this.wake(woken);
    }, ignore);
  }

  /** Executions are gone before they ran. @returns whether others have been woken, who got their slots. */
  async forget(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return false;
    const woken = await this.limiter.forget(ids);
    await this.wake(woken);
    return woken.length > 0;
  }

  async renew(claims: readonly Claim[]): Promise<void> {
    const holders = claims.filter((claim) => this.holding.has(claim));
    if (holders.length > 0) await this.limiter.renew(holders);
  }

  /** @returns when the next slot expires that somebody waits for. */
  async sweep(): Promise<number | undefined> {
    const { woken, nextAt } = await this.limiter.sweep();
    await this.wake(woken);
    return nextAt;
  }

  pools(): Promise<PoolRecord[]> {
    return this.limiter.pools();
  }

  private async wake(members: readonly PoolMember[]): Promise<void> {
    await Promise.all(members.map((member) => this.wakeOne(member))).catch(ignore);
  }

  /**
   * Wakes an execution. A running one finds out by itself; a later sweep wakes those that do not come for granted
   * slots.
   */
  private async wakeOne(member: PoolMember): Promise<void> {
    if (this.shortCuts?.noteQueued(member) === true) return;
    const { id } = member;
    for (const delay of PARKING_TIMES) {
      if (this.shortCuts?.endWait(id) === true) return;
      if (await this.jobs.wake(id)) return;
      if (!(await this.jobs.isLive(id))) return void (await this.forget([id]));
      // It is just being parked, somewhere: it has been handed its slots between the two steps of that.
      await sleep(delay, undefined, { ref: false });
      if (!(await this.limiter.isGranted(id))) return;
    }
  }
}

function ignore(): void {}
