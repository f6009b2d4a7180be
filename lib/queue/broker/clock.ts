/** Clock of a queue. Tests put a virtual one in its place. */
export interface Clock {
  /** Returns the time in milliseconds since the epoch. */
  now(): number;
  /**
   * Calls back once, in `delay` milliseconds.
   *
   * @returns what takes it back.
   */
  schedule(delay: number, callback: () => void): () => void;
}

export const CLOCK = Symbol('CLOCK');

/** Longest delay of a Node.js timer; it fires at once when given more. */
const MAX_DELAY = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delay, callback) {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      const step = Math.min(left, MAX_DELAY);
      timer = setTimeout(() => (left > step ? arm(left - step) : callback()), Math.max(0, step));
    };
    arm(delay);
    return () => clearTimeout(timer);
  },
};
