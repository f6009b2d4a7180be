/** What tests choose at random, again for the same seed: TASKS_TEST_SEED, or any. */
export class Chance {
  readonly seed = Number(process.env['TASKS_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  private state = this.seed;

  /** A whole number from 0, below the limit. (mulberry32) */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }
}
