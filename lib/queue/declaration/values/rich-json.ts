import { Excess, MAX_DEPTH } from './obstacle.js';
import { FORBIDDEN_KEY, type Json } from './rich-format.js';
import { RichReader } from './rich-reader.js';
import { RichWriter } from './rich-writer.js';
import { readSuperjson, type SuperjsonRecord } from './superjson-reader.js';

/** Position of a value that is encoded, and the limit of its text. */
export interface Place {
  /** Path of the value, such as `args`. */
  readonly path: string;
  /** Number of levels around the value. */
  readonly depth: number;
  /** Largest size in bytes; a safe integer. */
  readonly maxSize: number;
}

/**
 * Writes a value as plain JSON where JSON gives the same value back, since that is the quickest. Writes other values as
 * `{ "$rich": … }`.
 *
 * @throws {Obstacle} where it cannot travel.
 */
export function encodeValue(value: unknown, { path, depth, maxSize }: Place): string {
  const isPlainJson = isPlain(value, depth, { left: maxSize }) && !isEnvelope(value);
  const text = isPlainJson ? JSON.stringify(value) : encodeRich(value, new RichWriter(path, depth, maxSize));
  // In UTF-8, no character takes more than three bytes for each unit of its length.
  if (text.length * 3 > maxSize && Buffer.byteLength(text) > maxSize) throw Excess.ofSize(path, value, maxSize);
  return text;
}

function encodeRich(value: unknown, writer: RichWriter): string {
  const $rich = writer.write(value);
  return JSON.stringify({ $rich, ...(writer.hasShared && { shared: true }) } satisfies Envelope);
}

/**
 * Reads a text of {@link encodeValue}, or of earlier versions.
 *
 * @throws {SyntaxError} {@link TypeError} {@link RangeError} where it is damaged.
 */
export function decodeValue(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!isEnvelope(value)) return value;
  return '$rich' in value ? new RichReader(value.shared === true).read(value.$rich) : readSuperjson(value.$superjson);
}

type Envelope = { readonly $rich: Json; readonly shared?: true } | { readonly $superjson: SuperjsonRecord };

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === 'object' && value !== null && ('$rich' in value || '$superjson' in value);
}

/** Bytes of JSON that may still come. */
interface Budget {
  left: number;
}

/** Tells if JSON gives the same value back, within the budget and the depth. */
function isPlain(value: unknown, depth: number, budget: Budget): boolean {
  budget.left -= typeof value === 'string' ? value.length + 2 : 1;
  if (budget.left < 0) return false;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      return value === null || (depth <= MAX_DEPTH && isPlainObject(value, depth, budget));
    default:
      return false;
  }
}

function isPlainObject(value: object, depth: number, budget: Budget): boolean {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      if (!isPlain(value[index], depth + 1, budget)) return false;
    }
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || 'toJSON' in value) return false;
  for (const key of Object.keys(value)) {
    budget.left -= key.length;
    if (key === FORBIDDEN_KEY || !isPlain((value as Record<string, unknown>)[key], depth + 1, budget)) return false;
  }
  return true;
}
