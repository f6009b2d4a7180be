import { setTimeout as sleep } from 'node:timers/promises';
import type { Claim } from '../broker.js';
import type { Admission, Gate, Gatekeeper, Guest, PoolRecord } from '../gate.js';
import type { JobMoves } from './job-moves.js';
import type { JobStore } from './job-store.js';
import { areSlots, type ShortCuts } from './short-cuts.js';
import type { Settlement } from '../settlement.js';

const ADMITTED: Admission = { type: 'admitted' };
/** When one that is being parked is looked at again, in milliseconds. */
const PARKING_TIMES = [1, 5, 20, 100, 500] as const;

/** Leads executions through the gates, and wakes parked ones for whom somebody has made room. */
export class Admissions {
  /** Claims that hold slots: of which pools, and since when. Those whose lease is lost are never settled. */
  private readonly holding = new WeakMap<Claim, { readonly pools: readonly string[]; readonly since: number }>();
  /** Claims that are in line, and will be parked. */
  private readonly waiting = new WeakSet<Claim>();

  constructor(
    private readonly gates: Gatekeeper,
    private readonly jobs: JobStore,
    private readonly moves: JobMoves,
    private readonly shortCuts: ShortCuts | undefined,
  ) {}

  async admit(claim: Claim, gates: readonly Gate[]): Promise<Admission> {
    const { id, token, record } = claim;
    if (this.shortCuts?.hasSlots(id, this.moves.claimsOf(claim), gates) === true) {
      this.hold(claim, gates);
      return ADMITTED;
    }
    const { key, run, attempt, addedAt, since } = record;
    // Ids sort by time as well, within a millisecond too where one process has made them.
    const order = `${String(addedAt).padStart(15, '0')} ${id}`;
    const { admission, woken } = await this.gates.admit({ id, key, token, run, attempt, order, since }, gates);
    void this.wake(woken);
    if (admission.type === 'admitted') this.hold(claim, gates);
    if (admission.type !== 'waits') return admission;
    const wait = this.shortCuts?.wait(id, admission);
    if (wait !== undefined) {
      const isHandedOver = (await wait) || (await this.gates.isHandedOver(id));
      if (isHandedOver && areSlots(gates)) {
        this.hold(claim, gates);
        return ADMITTED;
      }
      if (isHandedOver) return this.admit(claim, gates); // what goes by time is to take note of it
    }
    this.waiting.add(claim);
    return admission;
  }

  private hold(claim: Claim, gates: readonly Gate[]): void {
    const pools = gates.flatMap(({ type, pool }) => (type === 'concurrency' ? [pool] : []));
    if (pools.length > 0) this.holding.set(claim, { pools, since: Date.now() });
  }

  /** The run is over, or will not be: others may have its slots. */
  release(claim: Claim, settlement: Settlement): void {
    const held = this.holding.get(claim);
    const wasInLine = this.waiting.delete(claim);
    if (held === undefined) {
      // In line, or with a place that is kept, it comes back for that. Turned away elsewhere, it may have been handed
      // slots before.
      const isInLine = wasInLine && settlement.type === 'park';
      const comesBack = isInLine || (settlement.type === 'release' && settlement.isUnstarted === true);
      if (!comesBack && (wasInLine || this.moves.wasPutOff(claim))) this.forgetVisits([claim.id]).catch(ignore);
      return;
    }
    for (const pool of held.pools) this.shortCuts?.noteHeld(pool, Date.now() - held.since);
    // What fails is tried again with the settlement, if that fails as well, or left to the end of the lease.
    this.gates.release(claim.id, claim.token).then((woken) => {
      this.holding.delete(claim);
      return this.wake(woken);
    }, ignore);
  }

  /** Executions are gone before they ran. @returns whether others have been woken, who got their slots. */
  async forgetVisits(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return false;
    const woken = await this.gates.forget(ids);
    await this.wake(woken);
    return woken.length > 0;
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

  private async wake(guests: readonly Guest[]): Promise<void> {
    await Promise.all(guests.map((guest) => this.wakeOne(guest))).catch(ignore);
  }

  /** One that runs already finds out by itself. Those who do not come for what is on offer are woken by a later sweep. */
  private async wakeOne(guest: Guest): Promise<void> {
    if (this.shortCuts?.noteQueued(guest) === true) return;
    const { id } = guest;
    for (const delay of PARKING_TIMES) {
      if (this.shortCuts?.endWait(id) === true) return;
      if (await this.jobs.wake(id)) return;
      if (!(await this.jobs.isLive(id))) return void (await this.forgetVisits([id]));
      // It is just being parked, somewhere: it has been handed its slots between the two steps of that.
      await sleep(delay, undefined, { ref: false });
      if (!(await this.gates.isHandedOver(id))) return;
    }
  }
}

function ignore(): void {}
