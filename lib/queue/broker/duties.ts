/** Duties of the fleet that one process at a time has, under a lease. */
export interface Duties {
  /**
   * Takes a duty that nobody has, or keeps one's own for longer.
   *
   * @param holder name of the process.
   * @param ttl lease in milliseconds.
   * @returns whether the process has the duty.
   */
  take(duty: string, holder: string, ttl: number): Promise<boolean>;
  /** Lets go of a duty, if the process has it. */
  leave(duty: string, holder: string): Promise<void>;
}
