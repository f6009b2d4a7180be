import { readNumber, readStored, readString } from './stored.js';

/** Line of the log of a run, as it is stored: time in milliseconds since the epoch, level, message, attempt. */
export type LoggedLine = readonly [at: number, level: string, message: string, attempt: number];

/** Lines of an execution, as they are stored. */
export interface LoggedLines {
  /** Number of the run that has written them, among the runs with lines. Of two texts the greater stays. */
  readonly epoch: number;
  readonly lines: readonly LoggedLine[];
}

const NONE: LoggedLines = { epoch: 0, lines: [] };
const DIGITS = 10;

/** @param writes number of earlier writes of the run. */
export function storedLines({ epoch, lines }: LoggedLines, writes: number): string {
  return `${pad(epoch)}${pad(writes)}${JSON.stringify({ lines })}`;
}

/** Reads the lines; never throws. What cannot be read is left out. */
export function readLines(text: string | undefined): LoggedLines {
  if (text === undefined) return NONE;
  const epoch = readNumber(Number(text.slice(0, DIGITS))) ?? 0;
  const lines = readStored(text.slice(2 * DIGITS), (value) => value['lines']);
  return { epoch, lines: Array.isArray(lines) ? lines.filter(isLine) : [] };
}

function isLine(value: unknown): value is LoggedLine {
  if (!Array.isArray(value)) return false;
  const [at, level, message, attempt] = value as unknown[];
  return [at, attempt].every((one) => readNumber(one) !== undefined) && [level, message].every(isText);
}

function isText(value: unknown): boolean {
  return readString(value) !== undefined;
}

function pad(number: number): string {
  return String(number).padStart(DIGITS, '0');
}
