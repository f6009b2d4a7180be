/** Difference that is not worth a correction, in milliseconds: much less than any lease. */
const TOLERANCE = 50;

/** Error of clocks that tell whole milliseconds. */
const PRECISION = 1;

/**
 * Time of the database server, by which leases, slots and windows last: the clocks of workers differ. It is asked for now
 * and then, and goes on by a clock of this process that nobody sets.
 */
export class ServerClock {
  /** Difference to `performance.now()`. */
  private offset = Date.now() - performance.now();

  /** @param ask gets the time of the server, in milliseconds since the epoch. */
  constructor(private readonly ask: () => Promise<number>) {}

  /** Returns the time in milliseconds since the epoch. */
  now(): number {
    return Math.floor(this.offset + performance.now());
  }

  /**
   * Returns the time for claims: what was put off until now by the clock of this process is due for it, where both clocks
   * are about the same.
   */
  nowForClaims(): number {
    const [server, local] = [this.now(), Date.now()];
    return local > server && local - server <= TOLERANCE ? local : server;
  }

  /** Turns a time of the server into one of this process, in milliseconds since the epoch. */
  toLocal(at: number): number {
    const ahead = this.now() - Date.now();
    return Math.abs(ahead) <= TOLERANCE ? at : at - ahead;
  }

  /**
   * Asks the server. The answer was given at some time between the question and its arrival, which a busy machine draws out:
   * what is known is corrected by as much as it must be wrong, and no more.
   */
  async synchronize(): Promise<void> {
    const asked = performance.now();
    const server = await this.ask();
    const [least, most] = [server - PRECISION - performance.now(), server + PRECISION - asked];
    this.offset = Math.min(most, Math.max(least, this.offset));
  }
}
