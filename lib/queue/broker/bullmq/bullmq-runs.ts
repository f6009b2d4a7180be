import type { Claim, Recovery, Renewal, RunStore } from '../broker.js';
import type { Session } from './session.js';
import type { ProgressRecord } from '../record.js';
import type { Settlement } from '../settlement.js';

/** Interval of looks for ended executions that are past their retention, in milliseconds. */
const CLEANING = { least: 1_000, most: 30_000 };

/** Runs as active BullMQ jobs. */
export class BullMqRuns implements RunStore {
  /** Time of the first cleaning. A worker that starts after a long time first claims what others wait for. */
  private cleanAfter = Date.now() + CLEANING.least;

  constructor(private readonly session: Session) {}

  claim(): Promise<Claim | undefined> {
    const { site } = this.session;
    return site === undefined ? this.session.open().then(({ claims }) => claims.next()) : site.claims.next();
  }

  async waitForWork(signal: AbortSignal): Promise<void> {
    const { notifier } = this.session.site ?? (await this.session.open());
    return notifier.wait(signal);
  }

  settle(claim: Claim, settlement: Settlement, claimNext: boolean): Promise<Claim | undefined> {
    const { site } = this.session;
    if (site !== undefined) return site.claims.settle(claim, settlement, claimNext);
    return this.session.open().then(({ claims }) => claims.settle(claim, settlement, claimNext));
  }

  async renew(claims: readonly Claim[]): Promise<Renewal> {
    return (await this.session.open()).claims.renew(claims);
  }

  async recover(): Promise<Recovery> {
    const { connections, jobs, moves, replacements, acquisition } = await this.session.open();
    return connections.persist(async () => {
      const crashed = await moves.recover();
      await replacements.applyAll();
      const againAt = await acquisition.sweep();
      const now = Date.now();
      if (now >= this.cleanAfter) {
        this.cleanAfter = now + Math.min(CLEANING.most, Math.max(CLEANING.least, jobs.shortestStay / 2));
        await jobs.clean();
      }
      return { crashed, ...(againAt !== undefined && { againAt }) };
    });
  }

  async excuse(claim: Claim): Promise<void> {
    const { connections, moves } = await this.session.open();
    await connections.answer(() => moves.excuse(claim));
  }

  async wake(key: string): Promise<boolean> {
    const { connections, finder, jobs } = await this.session.open();
    return connections.answer(async () => {
      const id = await finder.liveIdOf(key);
      return id !== undefined && (await jobs.look(id))?.state === 'parked' && jobs.wake(id);
    });
  }

  async setProgress(claim: Claim, progress: ProgressRecord): Promise<void> {
    const { connections, moves } = await this.session.open();
    await connections.answer(() => moves.setProgress(claim, progress));
  }
}
