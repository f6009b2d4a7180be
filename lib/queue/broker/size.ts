import { TasksConfigError } from '../../task/task-errors.js';

/** Bytes as a whole number, or a string such as `'500kb'` or `'1mb'`, of 1,024 bytes and 1,024 kB. */
export type Size = number | string;

const UNITS: Readonly<Record<string, number>> = { b: 1, kb: 2 ** 10, mb: 2 ** 20 };
/** Largest value that both databases keep. */
export const MAX_SIZE = 256 * 2 ** 20;

/**
 * Reads a size in bytes.
 *
 * @throws {TasksConfigError} naming `option` when the value is unreadable or out of range.
 */
export function parseSize(option: string, value: unknown): number {
  const bytes = typeof value === 'string' ? readText(value) : value;
  if (typeof bytes === 'number' && Number.isInteger(bytes) && bytes >= 1 && bytes <= MAX_SIZE) return bytes;
  throw new TasksConfigError(
    option,
    value,
    "bytes as a whole number from 1, or a string such as '500kb' or '1mb', up to 256mb",
  );
}

function readText(text: string): number | undefined {
  const [, number, unit = 'b'] = /^(\d+(?:\.\d+)?) ?(b|kb|mb)?$/i.exec(text.trim()) ?? [];
  return number === undefined ? undefined : Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? NaN));
}

/** `1,048,576 bytes` */
export function describeSize(bytes: number): string {
  return `${bytes.toLocaleString('en-US')} bytes`;
}
