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
  /** Resolves after `delay` milliseconds, or when the signal is aborted. For runs that wait for time and nothing else. */
  sleep(delay: number, signal: AbortSignal): Promise<void>;
}

/** Waits on the timers of a clock. */
export function sleepOn(clock: Pick<Clock, 'schedule'>, delay: number, signal: AbortSignal): Promise<void> {
  if (delay <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(delay, end);
    signal.addEventListener('abort', end);
  });
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
  sleep: (delay, signal) => sleepOn(systemClock, delay, signal),
};
