import { createHash, randomInt } from 'node:crypto';

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

const LONGEST_KEY = 256;

/**
 * Encodes a key so that both databases can keep it: PostgreSQL knows no NUL and indexes no long texts, and half a
 * surrogate pair would become the same replacement character as any other.
 */
export function encodeKey(key: string): string {
  if (key.length > LONGEST_KEY) return `%#${createHash('sha256').update(key, 'utf16le').digest('base64url')}`;
  // oxlint-disable-next-line no-control-regex -- NUL is what it looks for
  return key.replace(/[%\0]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, (char) => {
    return `%${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Decodes a key, unless it was too long to be kept in full. */
export function decodeKey(encoded: string): string | undefined {
  if (encoded.startsWith('%#')) return undefined;
  return encoded.replace(/%([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}
