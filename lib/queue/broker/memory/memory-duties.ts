import type { Duties } from '../duties.js';

/** Duties of a memory broker: there is no other process. */
export class MemoryDuties implements Duties {
  take(): Promise<boolean> {
    return Promise.resolve(true);
  }

  leave(): Promise<void> {
    return Promise.resolve();
  }
}
