/** Interval of looks where nothing wakes the relay, in milliseconds. */
const INTERVAL = 1_000;
/** First look after a write, in milliseconds: its transaction is still to commit. Each further one doubles the time. */
const FIRST_LOOK = 1;

/** Times of a relay's looks into the outbox: one at a time, each second, when something wakes it, and soon after a write. */
export class RelayLooks {
  isStopped = false;
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Infinity;
  private looking: Promise<void> | undefined;
  private isWoken = false;
  private delay = INTERVAL;
  private tidiedAt = -Infinity;

  /** @param look whether it was called by `wake()`. Resolves to whether to look again soon. Never rejects. */
  constructor(private readonly look: (isWoken: boolean) => Promise<boolean>) {}

  start(): void {
    this.plan(0);
  }

  /** Looks now, or once more after the look that goes on. */
  wake(): void {
    this.isWoken = true;
    this.run();
  }

  /** Looks soon, and then ever less often, until it is every second again. */
  soon(): void {
    this.delay = FIRST_LOOK;
    this.plan(this.delay);
  }

  /** Tells, once a second, that it is time to tidy up. */
  isTidyTime(): boolean {
    const now = performance.now();
    if (now < this.tidiedAt + INTERVAL) return false;
    this.tidiedAt = now;
    return true;
  }

  /** Waits for the look that goes on. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private run(): void {
    if (this.isStopped || this.looking !== undefined) return;
    clearTimeout(this.timer);
    this.timerAt = Infinity;
    this.looking = this.lookUntilQuiet().finally(() => {
      this.looking = undefined;
      // It was woken after the last look, or by its end.
      this.plan(this.isWoken ? 0 : this.delay);
    });
  }

  private async lookUntilQuiet(): Promise<void> {
    do {
      const isWoken = this.isWoken;
      this.isWoken = false;
      const isSoon = await this.look(isWoken);
      if (isSoon && this.delay === INTERVAL) this.delay = FIRST_LOOK;
    } while (this.isWoken && !this.isStopped);
    this.delay = Math.min(INTERVAL, this.delay * 2);
  }

  private plan(delay: number): void {
    const at = performance.now() + delay;
    if (this.isStopped || this.looking !== undefined || at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => this.run(), delay);
    this.timer.unref();
  }
}
