import { systemClock } from '../../clock.js';
import { ExpiringMap } from '../../expiring-map.js';

/** The longest that a claimed execution waits for a slot where it is, in milliseconds, rather than be parked. */
const LONGEST = 50;
/** For how long it is remembered how long a slot was held. */
const MEMORY = 60_000;

/**
 * Waits for slots that runs of this process will let go of in a moment: to park an execution, and to start it again, costs
 * the database more than such a wait costs a worker.
 */
export class ShortWaits {
  /** By pool: for how long its last holder here had a slot, in milliseconds. */
  private readonly held = new ExpiringMap<string, number>(systemClock, MEMORY);
  /** By execution: those that wait. */
  private readonly waiting = new Map<string, (isGranted: boolean) => void>();

  /** A run of this process has let go of a slot. */
  note(pool: string, heldFor: number): void {
    this.held.set(pool, heldFor);
  }

  /** Whether its turn may come soon. */
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

  /** Its slots have been granted. @returns whether it waits here. */
  end(id: string, isGranted = true): boolean {
    const end = this.waiting.get(id);
    this.waiting.delete(id);
    end?.(isGranted);
    return end !== undefined;
  }
}
