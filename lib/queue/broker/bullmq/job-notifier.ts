import type { IQueueBackend } from 'bullmq';

/** BullMQ may hold its breath for so long at most, in milliseconds: a worker whose notifier was lost must look by itself. */
const LONGEST_WAIT = 5_000;

/**
 * Tells when there may be something to claim: BullMQ tells of new jobs, and a timer of ours for the next delayed one.
 * (BullMQ's own wait for it ends up to 100 ms late on Redis, which looks for expired waits ten times a second only.)
 */
export class JobNotifier {
  private ringing: Promise<void> | undefined;
  private hasRung = false;
  private nextDueAt = 0;
  private readonly sleepers = new Set<() => void>();

  constructor(
    private readonly backend: () => IQueueBackend,
    private readonly lease: number,
    /** Passes a notification on that came to a worker which cannot take the job now. */
    private readonly passOn: () => void,
  ) {}

  /** Answers all notifications until now: something is being claimed. */
  answer(): void {
    this.hasRung = false;
  }

  /** @param at in milliseconds since the epoch, or 0: nothing is delayed. */
  setNextDue(at: number): void {
    this.nextDueAt = at;
  }

  notify(): void {
    this.hasRung = true;
    for (const wake of this.sleepers) wake();
  }

  async wait(signal: AbortSignal): Promise<void> {
    if (this.hasRung || signal.aborted) return;
    this.listen();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.sleepers.add(wake);
      signal.addEventListener('abort', wake);
      const wait = Math.min(this.lease / 2, LONGEST_WAIT);
      const untilDue = this.nextDueAt === 0 ? Infinity : Math.max(0, this.nextDueAt - Date.now());
      timer = setTimeout(wake, Math.min(wait, untilDue));
    });
    clearTimeout(timer);
  }

  /** Waits once at a time: the wait goes on when the timer was faster. */
  private listen(): void {
    this.ringing ??= this.hear();
  }

  private async hear(): Promise<void> {
    try {
      const marker = await this.backend().waitForJob(Math.min(this.lease / 2, LONGEST_WAIT) / 1_000);
      if (marker === null) return;
      if (marker.score > Date.now())
        this.setNextDue(this.nextDueAt === 0 ? marker.score : Math.min(this.nextDueAt, marker.score));
      if (this.sleepers.size === 0) this.passOn();
      this.notify();
    } catch {
      // The next claim tells what is wrong.
    } finally {
      this.ringing = undefined;
      for (const wake of this.sleepers) wake();
    }
  }
}
