import { types } from 'node:util';
import type { JobJson } from 'bullmq';
import { LeaseLostError } from '../queue-errors.js';
import type { Claim, Renewal } from '../broker.js';
import type { SlotAcquisition } from './slot-acquisition.js';
import type { Connections } from './connections.js';
import type { FleetSignals } from './fleet-signals.js';
import type { JobMoves } from './job-moves.js';
import type { Replacements } from './replacements.js';
import type { JobNotifier } from './job-notifier.js';
import type { Settlement } from '../settlement.js';

/** Longest time that a replacement takes to follow a run that has settled, in milliseconds. */
const REPLACEMENT_TIME = 2_000;

/** Claims of a worker: from the start of a job to its settlement. */
export class JobClaims {
  private tokens = 0;
  private isHearing = false;

  constructor(
    private readonly connections: Connections,
    private readonly moves: JobMoves,
    private readonly replacements: Replacements,
    private readonly fleetSignals: FleetSignals,
    private readonly acquisition: SlotAcquisition,
    private readonly notifier: JobNotifier,
    private readonly workerId: string,
  ) {}

  /** Claims the next job that is due, if there is one. */
  async next(): Promise<Claim | undefined> {
    this.hearFleet();
    this.notifier.answer();
    this.tokens += 1;
    const token = `${this.workerId}:${this.tokens}`;
    const { job, dueAt = 0 } = await this.connections.persist(() => this.moves.next(token, this.workerId));
    if (job !== undefined) return this.toClaim(job, token);
    this.notifier.setNextDue(dueAt);
    return undefined;
  }

  async settle(claim: Claim, settlement: Settlement, claimNext: boolean): Promise<Claim | undefined> {
    const { key } = claim.record;
    try {
      // What has been replaced must not be started again by the very call that settles it, nor by anybody else.
      const isAwaited = this.replacements.awaits(key);
      const final = isAwaited ? putOff(settlement) : settlement;
      this.acquisition.release(claim, final);
      const wantsNext = claimNext && !isAwaited;
      const isOneCall = this.connections.isOneCall(final);
      const next = await this.connections.persist(() => this.moves.settle(claim, final, wantsNext && isOneCall));
      // At once: what is heard after that is newer.
      if (next.job === undefined && next.dueAt !== undefined) this.notifier.setNextDue(next.dueAt);
      const end = this.replacements.end(key);
      const isReplaced = end !== false && (await end);
      const claimed = next.job && this.toClaim(next.job, claim.token);
      const nextClaim = types.isPromise(claimed) ? await claimed : claimed;
      if (nextClaim !== undefined || !claimNext || (isOneCall && !isReplaced)) return nextClaim;
      return await this.next().catch(() => undefined); // it is settled; the worker's own claim tells what is wrong
    } catch (error) {
      if (!isLeaseLost(error)) throw error;
      void this.replacements.end(key);
      throw new LeaseLostError(key, { cause: error });
    }
  }

  async renew(claims: readonly Claim[]): Promise<Renewal> {
    const { connections, acquisition } = this;
    const ids = claims.map(({ id }) => id);
    const tokens = claims.map(({ token }) => token);
    const [lostIds, reasons] = await connections.persist(() =>
      Promise.all([
        connections.renew(ids, tokens),
        connections.store.getNotes('cancel', ids),
        acquisition.renew(claims),
      ]),
    );
    const lost = claims.filter(({ id }) => lostIds.includes(id));
    for (const { record } of lost) void this.replacements.end(record.key);
    const cancelled = new Map<Claim, string>();
    for (const [at, claim] of claims.entries()) {
      const reason = reasons[at];
      if (reason !== undefined) cancelled.set(claim, reason);
    }
    return { lost, cancelled };
  }

  private toClaim(job: JobJson, token: string): Claim | Promise<Claim> {
    const claim = this.moves.firstClaim(job, token);
    if (claim === undefined) return this.toLaterClaim(job, token);
    this.replacements.begin(claim.record.key);
    return claim;
  }

  private async toLaterClaim(job: JobJson, token: string): Promise<Claim> {
    // Asked for in an earlier start, perhaps, whose worker did not live to hear of it.
    const isRestarted = job.attemptsStarted > 1;
    // Where it cannot be asked for now, the next renewal of the lease tells.
    const notes = isRestarted ? this.connections.store.getNotes('cancel', [job.id]).catch(() => []) : [];
    const [cancellation] = await notes;
    const claim = await this.moves.toClaim(job, token, cancellation);
    this.replacements.begin(claim.record.key);
    return claim;
  }

  /** Subscribes the worker to signals of its own, beside those that its users subscribe to. */
  private hearFleet(): void {
    if (this.isHearing) return;
    this.isHearing = true;
    this.fleetSignals
      .listen((signal) => {
        if (signal.type === 'work') this.notifier.notify();
        else if (signal.type === 'replaced') void this.replacements.hear();
      })
      .catch(() => (this.isHearing = false)); // the next claim tries again
  }
}

/** Delays a settlement that would go on at once: until then, another execution is in its place. */
function putOff(settlement: Settlement): Settlement {
  const { type } = settlement;
  if (type !== 'reschedule' && type !== 'retry' && type !== 'release') return settlement;
  return { ...settlement, at: Math.max(settlement.at ?? 0, Date.now() + REPLACEMENT_TIME) };
}

/** BullMQ's codes for a job that is gone, without lock, not active, or locked by somebody else. */
const LEASE_LOST_CODES = new Set<unknown>([-1, -2, -3, -6]);

function isLeaseLost(error: unknown): boolean {
  return LEASE_LOST_CODES.has((error as { code?: unknown } | undefined)?.code);
}
