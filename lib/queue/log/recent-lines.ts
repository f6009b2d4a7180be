/** Time in which a line is not repeated, in milliseconds. */
const QUIET_TIME = 60_000;

/** Lines of the last minute, which are not written again: whoever looks comes across the same thing again and again. */
export class RecentLines {
  readonly #until = new Map<string, number>();

  get size(): number {
    this.#forgetOld();
    return this.#until.size;
  }

  has(subject: string): boolean {
    this.#forgetOld();
    return this.#until.has(subject);
  }

  /** Tells whether there was such a line within the last minute. If there was none, there is one now. */
  isRepeated(subject: string): boolean {
    if (this.has(subject)) return true;
    this.#until.set(subject, performance.now() + QUIET_TIME);
    return false;
  }

  #forgetOld(): void {
    const now = performance.now();
    for (const [subject, until] of this.#until) if (until <= now) this.#until.delete(subject);
  }
}
