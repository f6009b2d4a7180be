import { deserialize, serialize, type SuperJSONResult } from 'superjson';
import { describeValue, isError } from '../task/task-errors.js';
import { TaskArgumentError, TaskResultError } from './queue-errors.js';
import type { StoredError } from './brokers/broker.js';

/** Why a value cannot travel: where in it, and what was found there. */
class Obstacle extends Error {
  constructor(
    readonly path: string,
    readonly value: unknown,
    readonly allowed: string,
  ) {
    super();
  }
}

const TRAVELS =
  'what JSON can hold, and Date, Map, Set, bigint, undefined, RegExp, URL, Error and typed arrays; pass ids rather than objects that live in this process';

/** Own keys that superjson refuses, since to restore them could change every object of the process. */
const FORBIDDEN_KEYS: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/**
 * @throws {TaskArgumentError} naming the argument that cannot travel.
 */
export function encodeArgs(task: string, args: readonly unknown[]): string {
  try {
    return encode(args, 'args');
  } catch (error) {
    if (!(error instanceof Obstacle)) throw error;
    throw new TaskArgumentError(task, error.path, error.value, error.allowed);
  }
}

export function decodeArgs(encoded: string): unknown[] {
  return decode(encoded) as unknown[];
}

/** A result that cannot travel is no failure of the run: whoever asks for it is told. */
export function encodeResult(task: string, value: unknown): string {
  try {
    return `[${encode(value, 'result')}]`;
  } catch (error) {
    const why =
      error instanceof Obstacle
        ? `${error.path} is ${describeValue(error.value)}. Allowed: ${error.allowed}`
        : describeValue(error); // a toJSON of the user's has thrown
    return JSON.stringify(`What task ${task} returned cannot be stored: ${why}.`);
  }
}

/**
 * @throws {TaskResultError} when what the task returned could not be stored.
 */
export function decodeResult(encoded: string): unknown {
  if (encoded.startsWith('"')) throw new TaskResultError(JSON.parse(encoded) as string);
  return decode(encoded.slice(1, -1));
}

const MAX_CAUSES = 4;

export function storeError(error: unknown, depth = 0): StoredError {
  if (!isError(error)) return { name: 'Error', message: `${describeValue(error)} was thrown` };
  try {
    const { name, message, stack, cause, code } = error as Error & { code?: unknown };
    return {
      name: String(name),
      message: String(message),
      ...(typeof stack === 'string' && { stack }),
      ...(typeof code === 'string' && { code }),
      ...(cause !== undefined && depth < MAX_CAUSES && { cause: storeError(cause, depth + 1) }),
    };
  } catch {
    return { name: 'Error', message: 'an error that cannot be described' }; // its own getters may throw
  }
}

/** An error with the name, message, code, stack and cause of the one that was stored; not of its class. */
export function restoreError({ name, message, stack, code, cause }: StoredError): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: restoreError(cause) });
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  if (stack !== undefined) Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
  return code === undefined ? error : Object.assign(error, { code });
}

/** As plain JSON where that is enough, which is several times faster to write and to read. */
function encode(value: unknown, path: string): string {
  if (isPlain(value) && !isEnvelope(value)) return JSON.stringify(value);
  return JSON.stringify({ $superjson: serialize(new Preparation().prepare(value, path)) });
}

function decode(encoded: string): unknown {
  const value: unknown = JSON.parse(encoded);
  return isEnvelope(value) ? deserialize(value.$superjson) : value;
}

function isEnvelope(value: unknown): value is { $superjson: SuperJSONResult } {
  return typeof value === 'object' && value !== null && '$superjson' in value;
}

/** Whether JSON gives back what it is given. */
function isPlain(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      return value === null || (depth < 32 && isPlainObject(value, depth));
    default:
      return false;
  }
}

function isPlainObject(value: object, depth: number): boolean {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      if (!isPlain(value[index], depth + 1)) return false;
    }
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || 'toJSON' in value) return false;
  return Object.entries(value).every(([key, item]) => !FORBIDDEN_KEYS.includes(key) && isPlain(item, depth + 1));
}

/**
 * A copy that superjson gives back as it is: it would drop functions without a word, and turn dates in the fields of a
 * class into strings. Instances of classes become plain objects, what has a `toJSON` becomes that.
 */
class Preparation {
  readonly #copies = new Map<object, unknown>();

  prepare(value: unknown, path: string): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') throw new Obstacle(path, value, TRAVELS);
    if (typeof value !== 'object' || value === null) return value;
    // Once for each object: shared ones stay shared, and circles end.
    if (this.#copies.has(value)) return this.#copies.get(value);
    if (value instanceof Date && Number.isNaN(value.getTime())) throw new Obstacle(path, value, 'a valid Date');
    if (value instanceof Date || value instanceof RegExp || value instanceof URL || isError(value)) return value;
    if (ArrayBuffer.isView(value)) return prepareBytes(value, path);
    if (Array.isArray(value)) return this.#fill(value, [], (copy) => this.#pushAll(copy, value, path));
    if (value instanceof Set) {
      return this.#fill(value, new Set(), (copy) => {
        for (const item of this.#pushAll([], [...value], path)) copy.add(item);
      });
    }
    if (value instanceof Map) {
      return this.#fill(value, new Map(), (copy) => {
        for (const [key, item] of value) {
          copy.set(this.prepare(key, `${path}.keys()`), this.prepare(item, `${path}.get(${describeValue(key)})`));
        }
      });
    }
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.prepare(value.toJSON(), path);
    return this.#fill(value, {}, (copy) => this.#assignAll(copy, value, path));
  }

  #fill<T extends object>(value: object, copy: T, fill: (copy: T) => void): T {
    this.#copies.set(value, copy);
    fill(copy);
    return copy;
  }

  #pushAll(copy: unknown[], items: readonly unknown[], path: string): unknown[] {
    for (let index = 0; index < items.length; index += 1) copy.push(this.prepare(items[index], `${path}[${index}]`));
    return copy;
  }

  #assignAll(copy: Record<string, unknown>, value: object, path: string): void {
    const entries = Object.entries(value);
    // What keeps its state elsewhere, such as a Promise or a WeakMap, would arrive empty.
    if (entries.length === 0 && !hasPlainPrototype(value)) throw new Obstacle(path, value, TRAVELS);
    for (const [key, item] of entries) {
      if (FORBIDDEN_KEYS.includes(key)) {
        throw new Obstacle(`${path}.${key}`, item, `keys other than ${FORBIDDEN_KEYS.join(', ')}`);
      }
      copy[key] = this.prepare(item, `${path}.${key}`);
    }
  }
}

const BYTES = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
];

/** A Buffer arrives as a Uint8Array. */
function prepareBytes(view: ArrayBufferView, path: string): unknown {
  const type = BYTES.find((candidate) => view instanceof candidate);
  if (type === undefined) throw new Obstacle(path, view, TRAVELS);
  return Buffer.isBuffer(view) ? new Uint8Array(view) : view;
}

function hasPlainPrototype(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
