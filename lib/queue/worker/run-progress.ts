import { TasksConfigError } from '../../task/task-errors.js';
import type { TaskProgress } from '../../task/task-progress.js';

import type { Clock } from '../broker/clock.js';
import { cutText } from '../broker/short-text.js';
import type { ProgressRecord } from '../broker/record.js';

/** Interval of writes, in milliseconds: a loop that counts a thousand times a second must not write as often. */
const WRITE_INTERVAL = 100;
const TOTAL = 100;

/** Progress of one start, written down at once and then now and then, and at its end. */
export class RunProgress implements TaskProgress {
  #current = 0;
  #total = TOTAL;
  #message: string | undefined;
  #isDirty = false;
  #cancelWrite: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(
    private readonly clock: Clock,
    private readonly write: (progress: ProgressRecord) => Promise<void>,
  ) {}

  get current(): number {
    return this.#current;
  }

  total(n: number): void {
    this.#total = atLeast1('context.progress.total()', n);
    this.#changed();
  }

  increment(by = 1): void {
    this.#current += atLeast1('context.progress.increment()', by);
    this.#changed();
  }

  message(text: string | null): void {
    if (text !== null && typeof text !== 'string') {
      throw new TasksConfigError('context.progress.message()', text, 'a string, or null');
    }
    this.#message = text === null ? undefined : cutText(text);
    this.#changed();
  }

  /** Resolves when what was told last is written down. Nothing is any more after that. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#cancelWrite?.();
    if (this.#isDirty) this.#writeNow();
    await this.#writing;
  }

  #changed(): void {
    if (this.#isOver) return; // the function goes on, though nobody waits for it
    this.#isDirty = true;
    if (this.#cancelWrite !== undefined) return;
    this.#writeNow();
    this.#cancelWrite = this.clock.schedule(WRITE_INTERVAL, () => {
      this.#cancelWrite = undefined;
      if (this.#isDirty) this.#changed();
    });
  }

  #writeNow(): void {
    this.#isDirty = false;
    const message = this.#message;
    const progress = { current: this.#current, total: this.#total, ...(message !== undefined && { message }) };
    // Only a picture of the run: one that is lost is no reason to fail it.
    this.#writing = this.#writing.then(() => this.write(progress)).catch(() => {});
  }
}

function atLeast1(option: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 1) return value;
  throw new TasksConfigError(option, value, 'a number from 1');
}
