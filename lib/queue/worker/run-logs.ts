import { inspect } from 'node:util';
import type { LogLevel } from '@nestjs/common';
import { messageOf } from '../../task/error-text.js';
import { keptText } from '../../task/log-text.js';
import { describeType, isError } from '../../task/task-errors.js';
import type { TaskLines } from '../../task/task-parts.js';
import type { Clock } from '../broker/clock.js';
import { readLines, storedLines, type LoggedLine, type LoggedLines } from '../broker/logged-lines.js';

/** Shape of what is logged and is no text. */
const SHOWN = { depth: 3, breakLength: Infinity, maxArrayLength: 20, maxStringLength: 1_000 } as const;

/** Store of the lines of one execution. */
export interface LinesStore {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

/** Last lines that a run has logged. They join those of earlier runs when they are stored. */
export class RunLogs implements TaskLines {
  readonly #lines: LoggedLine[] = [];
  #earlier: Promise<LoggedLines> | undefined;
  #writes = 0;
  #hasNews = false;

  constructor(
    private readonly clock: Clock,
    private readonly attempt: number,
    /** Largest number of lines of the execution. */
    private readonly limit: number,
  ) {}

  /** True if lines are not stored yet. */
  get hasNews(): boolean {
    return this.#hasNews;
  }

  add(level: LogLevel, message: unknown): void {
    this.#lines.push([this.clock.now(), level, keptText(textOf(message)), this.attempt]);
    if (this.#lines.length > this.limit) this.#lines.shift();
    this.#hasNews = true;
  }

  /** Never rejects: lines that could not be stored are news again. */
  async store({ read, write }: LinesStore): Promise<void> {
    this.#hasNews = false;
    try {
      this.#earlier ??= read().then(readLines);
      const { epoch, lines } = await this.#earlier;
      this.#writes += 1;
      await write(
        storedLines({ epoch: epoch + 1, lines: [...lines, ...this.#lines].slice(-this.limit) }, this.#writes),
      );
    } catch {
      this.#hasNews = true;
      if (this.#writes === 0) this.#earlier = undefined;
    }
  }
}

function textOf(message: unknown): string {
  try {
    if (typeof message === 'string') return message;
    return isError(message) ? messageOf(message) : inspect(message, SHOWN);
  } catch {
    return describeType(message); // a getter of the user's has thrown
  }
}
