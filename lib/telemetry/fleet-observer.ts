import { setInterval } from 'node:timers';
import type { Duties } from '../queue/broker/duties.js';

const DUTY = 'observe';
/** Lease of the duty, and the interval at which each process asks for it, in milliseconds. */
const LEASE = 30_000;
const INTERVAL = 10_000;

/** Lets one process of the fleet observe the queue for all. When it dies, another one does so within 40 seconds. */
export class FleetObserver {
  #until = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;

  constructor(
    private readonly duties: Duties,
    /** Name of this process. */
    private readonly holder: string,
    private readonly interval = INTERVAL,
  ) {}

  /** Asks for the duty from now on. Keeps no process alive. */
  start(): void {
    this.#timer ??= setInterval(() => void this.#ask(), this.interval).unref();
  }

  /** Tells whether this process observes. */
  async isObserving(): Promise<boolean> {
    if (this.#timer === undefined) return false;
    if (this.#until === -Infinity) await this.#ask();
    return performance.now() < this.#until;
  }

  /** Leaves the duty to another process. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (performance.now() < this.#until) this.duties.leave(DUTY, this.holder).catch(() => {}); // it expires anyway
    this.#until = -Infinity;
  }

  #ask(): Promise<void> {
    return (this.#asking ??= this.#take().finally(() => (this.#asking = undefined)));
  }

  async #take(): Promise<void> {
    const asked = performance.now();
    try {
      const isOurs = await this.duties.take(DUTY, this.holder, LEASE);
      // Whoever has asked in vain waits for the next turn, and not with each observation.
      this.#until = isOurs && this.#timer !== undefined ? asked + LEASE : asked;
    } catch {
      // The lease goes on, or ends; the worker tells of an outage.
    }
  }
}
