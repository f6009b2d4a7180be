import { systemClock } from '../../clock.js';
import { ExpiringMap } from '../../expiring-map.js';

/** Longest wait of a claimed execution for a slot, in milliseconds, instead of being parked. */
const LONGEST = 50;
/** Time for which the holding time of a slot is remembered. */
const MEMORY = 60_000;

/**
 * Waits for slots that runs of this process will let go of in a moment: to park an execution, and to start it again, costs
 * the database more than such a wait costs a worker.
 */
export class ShortWaits {
  /** Holding time of the last holder here, by pool, in milliseconds. */
  private readonly held = new ExpiringMap<string, number>(systemClock, MEMORY);
  /** Waiters, by execution. */
  private readonly waiting = new Map<string, (isGranted: boolean) => void>();

  /** Notes the holding time of a slot that a run of this process has freed. */
  note(pool: string, heldFor: number): void {
    this.held.set(pool, heldFor);
  }

  /** Tells whether the turn may come soon. */
  isWorthwhile(pool: string, ahead: number): boolean {
    const usual = this.held.get(pool);
    return usual !== undefined && usual * (ahead + 1) <= LONGEST;
  }

  /** @returns whether its slots have been granted meanwhile. */
  wait(id: string): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(id, false), LONGEST);
      this.waiting.set(id, (isGranted) => {
        clearTimeout(timer);
        resolve(isGranted);
      });
    });
  }

  /** Ends a wait whose slots have been granted. @returns whether it waits here. */
  end(id: string, isGranted = true): boolean {
    const end = this.waiting.get(id);
    this.waiting.delete(id);
    end?.(isGranted);
    return end !== undefined;
  }
}
