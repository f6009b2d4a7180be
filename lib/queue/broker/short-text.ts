import { TaskArgumentError } from './queue-errors.js';
import { describeSize } from './size.js';

/** Longest key, reason and progress message, in bytes of UTF-8. */
const MAX_TEXT = 1_024;

/** Longest name of a person or program, in characters. */
const MAX_NAME = 200;

const ELLIPSIS = '…';
const encoder = new TextEncoder();

/**
 * @throws {TaskArgumentError} when the value is no key.
 */
export function requireKey(where: string, key: unknown): string {
  if (typeof key !== 'string' || key === '') {
    throw new TaskArgumentError(where, 'key', key, 'a string that is not empty');
  }
  return requireShort(where, 'key', key);
}

/**
 * @throws {TaskArgumentError} when the value is no text, or too long.
 */
export function requireReason(where: string, reason: unknown): string {
  if (typeof reason !== 'string') throw new TaskArgumentError(where, 'reason', reason, 'a string');
  return requireShort(where, 'reason', reason);
}

/**
 * @throws {TaskArgumentError} when the value is no name of a person or program, or too long.
 */
export function requireActor(where: string, by: unknown): string {
  if (typeof by === 'string' && by !== '' && by.length <= MAX_NAME) return by;
  throw new TaskArgumentError(where, 'by', by, `a string of 1 to ${MAX_NAME} characters`);
}

function requireShort(where: string, argument: string, text: string): string {
  const size = Buffer.byteLength(text);
  if (size <= MAX_TEXT) return text;
  const allowed = `up to ${describeSize(MAX_TEXT)} of UTF-8; pass a hash of what is longer`;
  throw new TaskArgumentError(where, argument, text, allowed, `a string of ${describeSize(size)}`);
}

/** Cuts a text that is too long. */
export function cutText(text: string): string {
  if (Buffer.byteLength(text) <= MAX_TEXT) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(MAX_TEXT - Buffer.byteLength(ELLIPSIS)));
  return text.slice(0, read) + ELLIPSIS;
}
