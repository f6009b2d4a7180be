import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until.js';

/** Several times as long as from one beat to the next. In milliseconds. */
const SILENCE = 30;

const OPEN = 0;
const INSIDE = 1;
const MOST = 2;
const BEATS = 3;

/** Steers the functions of fixtures/gates.js from outside, through memory that it shares with them. */
export class Gate {
  /** What they take. */
  readonly memory = new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT));

  open(): void {
    Atomics.store(this.memory, OPEN, 1);
    Atomics.notify(this.memory, OPEN);
  }

  /** How many have been inside at once, at most. */
  get most(): number {
    return Atomics.load(this.memory, MOST);
  }

  /** Goes on as long as one computes or lingers. */
  get beats(): number {
    return Atomics.load(this.memory, BEATS);
  }

  /** Whether no thread beats any more. */
  async hasStopped(): Promise<boolean> {
    const { beats } = this;
    await sleep(SILENCE);
    return this.beats === beats;
  }

  get inside(): number {
    return Atomics.load(this.memory, INSIDE);
  }

  /** Resolves when so many are inside. */
  async entered(count = 1): Promise<void> {
    await until(() => this.inside === count, `${count} inside`);
  }
}

/** Of a file in fixtures/. */
export function fixture(file: string, name?: string): { file: URL; export?: string } {
  const url = new URL(`./fixtures/${file}`, import.meta.url);
  return name === undefined ? { file: url } : { file: url, export: name };
}
