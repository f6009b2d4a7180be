// Not the globals: test runners replace those by fake ones.
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';

/** Longest time that promises which follow each other keep timers and I/O waiting, in milliseconds. */
const LONGEST = 5;
/** Steps that each turn has room for, however slow the machine is: a few tasks run the same way each time. */
const LEAST = 16;

/**
 * Notices that the event loop has not had its turn for a while. A broker in memory answers in microtasks: tasks that
 * add and await the next would keep timers and I/O from theirs for as long as they go on.
 */
export class LoopTurn {
  #steps = 0;
  #since = 0;
  readonly #end = (): void => {
    this.#steps = 0;
  };

  /** @returns a promise of the next turn once this one has lasted for long; nothing before. */
  pass(): Promise<void> | undefined {
    if (this.#steps === 0) {
      this.#since = performance.now();
      setImmediate(this.#end);
    }
    this.#steps += 1;
    if (this.#steps <= LEAST || performance.now() - this.#since < LONGEST) return undefined;
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
