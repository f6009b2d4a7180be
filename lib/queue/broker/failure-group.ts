import { createHash } from 'node:crypto';
import type { StoredError } from './record.js';

/** Longest part of a message that tells failures apart, in characters. */
const LONGEST_MESSAGE = 300;

/**
 * What varies from failure to failure of one kind, in this order: quoted values, addresses, ids, numbers. Documented in
 * docs/operations.md: groups of two versions are the same only as long as these stay.
 */
const VARYING: readonly RegExp[] = [
  /"[^"]*(?:"|$)|`[^`]*(?:`|$)|(?<![\p{L}\p{N}])'[^']*'|“[^”]*(?:”|$)|‘[^’]*’/gu, // to the end where the line ends first
  /\b[a-z][a-z\d+.-]*:\/\/[^\s)\]}>,;]+/giu, // urls
  /[^\s@<>"'(),;:]+@[^\s@<>"'(),;:]+/gu, // mail addresses
  /\[?(?:[\da-f]{0,4}:){2,}[\da-f.]+\]?(?::\d+)?/giu, // IPv6
  /\b[\p{L}\d-]+(?:\.[\p{L}\d-]+)+:\d+\b/giu, // host:port
  /\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/giu, // UUID
  // Ids: at least one digit, with letters, and perhaps joined by - or _.
  /(?<![\p{L}\p{N}])(?=[\p{L}_-]*\d)[\p{L}\d]+(?:[_-][\p{L}\d]+)*(?![\p{L}\p{N}])/gu,
  /\d+/gu,
];

const PLACEHOLDER = '…';

/** Kind of an error: its name, and its message without what varies. */
interface FailureKind {
  readonly name: string;
  readonly message: string;
}

/** Returns the kind of an error. */
export function kindOf({ name, message }: StoredError): FailureKind {
  const [line = ''] = message.trim().slice(0, LONGEST_MESSAGE).split('\n');
  let kind = line;
  for (const pattern of VARYING) kind = kind.replace(pattern, PLACEHOLDER);
  return { name, message: kind.replace(/…(?:[\s.,:;/-]*…)+/gu, PLACEHOLDER) };
}

/** Renders the kind of an error as one text, such as `TypeError: no order …`. */
export function kindText(error: StoredError): string {
  const { name, message } = kindOf(error);
  return `${name}: ${message}`;
}

/** Number of characters of a group's id. */
const GROUP_LENGTH = 16;

/** Returns the id of the group of a failure: of one task, with errors of one kind. */
export function failureGroupOf(task: string, error: StoredError): string {
  const { name, message } = kindOf(error);
  const hash = createHash('sha256').update(`${task}\0${name}\0${message}`);
  return hash.digest('base64url').slice(0, GROUP_LENGTH);
}
