import type { Duplex } from 'node:stream';

/** Silence of a server after which a call to it fails, in milliseconds. */
export const PATIENCE = 2_000;

/** Interval at which silence is measured while a caller waits, in milliseconds. */
const TICK = 100;

/** Caller that waits for a reply. */
export interface Waiter {
  readonly since: number;
  readonly call: () => void;
}

/**
 * Time of the last reply of a server, on any connection of a broker, and all who wait for one. Times are those in which
 * the event loop was alive: what came while it was blocked has not been read.
 */
export class LastReply {
  #alive = 0;
  #tickedAt = 0;
  #repliedAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  /** Waiters in the order of their time: the first has waited longest. */
  readonly #waiters = new Set<Waiter>();

  note(): void {
    this.#repliedAt = this.#alive;
  }

  /** Calls back once, after a silence of {@link PATIENCE} that is counted from now at the earliest. */
  wait(call: () => void): Waiter {
    const waiter: Waiter = { since: this.#alive, call };
    this.#waiters.add(waiter);
    if (this.#timer === undefined) {
      this.#tickedAt = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK);
    } else if (this.#waiters.size === 1) this.#timer.ref();
    return waiter;
  }

  #tick(): void {
    if (this.#waiters.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    this.#alive += Math.min(now - this.#tickedAt, 2 * TICK);
    this.#tickedAt = now;
    for (const waiter of this.#waiters) {
      // It began to wait, and the server replied, at some time in a tick.
      if (this.#alive - Math.max(waiter.since, this.#repliedAt) < PATIENCE + TICK) return;
      this.forget(waiter);
      waiter.call();
    }
  }

  /**
   * Calls nobody back any more. The timer goes on to its next tick, since a timer for each of many short calls costs more
   * than the rest of a call.
   */
  forget(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size === 0) this.#timer?.unref(); // it holds no process that has nothing else to do
  }
}

/**
 * Waits for an answer as long as the server replies to anything. A busy server may let a call wait in line for long; one
 * that stands still is down.
 *
 * @throws what `late()` makes after a silence of {@link PATIENCE}, counted from the call at the earliest.
 */
export function withPatience<T>(answer: Promise<T>, lastReply: LastReply, late: () => Error): Promise<T> {
  // One promise and two functions: thousands of calls wait at once, and each object of theirs is copied by the collector.
  return new Promise((resolve, reject) => {
    const waiter = lastReply.wait(() => reject(late()));
    answer.then(
      (value) => {
        lastReply.forget(waiter);
        resolve(value);
      },
      (error: unknown) => {
        lastReply.forget(waiter);
        reject(error as Error);
      },
    );
  });
}

/** Number of looks at a connection in the time that it may be silent. */
const LOOKS = 4;

/**
 * Ends a connection that was asked something and says nothing for a while: it may have been cut without a word. Timers of
 * drivers would end it when the event loop was blocked, or the whole machine stood still, with the reply on its way.
 *
 * @param limit of its silence, in milliseconds in which the event loop was alive; it may be exceeded by half.
 * @param isAsked whether a reply is due.
 */
export function endWhenSilent(stream: Duplex, limit: number, isAsked: () => boolean): void {
  const tick = limit / LOOKS;
  let silence = 0;
  let lookedAt = performance.now();
  const look = (): void => {
    const now = performance.now();
    silence = isAsked() ? silence + Math.min(now - lookedAt, 2 * tick) : 0;
    lookedAt = now;
    // Between two looks it may have been asked, or have spoken, at any time since the first.
    if (silence > limit + tick) stream.destroy(new Error(`Connection terminated: no answer in ${limit} ms`));
  };
  const timer = setInterval(() => setImmediate(look), tick).unref();
  stream.on('data', () => (silence = 0));
  stream.once('close', () => clearInterval(timer));
}
