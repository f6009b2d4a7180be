import { randomInt } from 'node:crypto';

const COUNTER_LIMIT = 36 ** 4;

let counter = randomInt(COUNTER_LIMIT);
/** Many are made in one millisecond. */
let lastTime = { now: 0, text: '' };

/**
 * Creates an id that BullMQ takes for a job (it refuses numbers and colons), and that sorts after those made before it:
 * the time, a counter, and chance.
 */
export function createExecutionId(now: number): string {
  counter = (counter + 1) % COUNTER_LIMIT;
  if (lastTime.now !== now) lastTime = { now, text: inBase36(now, 9) };
  return `${lastTime.text}-${inBase36(counter, 4)}${inBase36(Math.floor(Math.random() * 36 ** 6), 6)}`;
}

/** Tells whether a key may have been made for an execution without a key: then it is its id. */
export function looksLikeExecutionId(key: string): boolean {
  return /^[0-9a-z]{9}-[0-9a-z]{10}$/.test(key);
}

function inBase36(number: number, length: number): string {
  return number.toString(36).padStart(length, '0');
}
