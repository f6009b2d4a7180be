import { types } from 'node:util';
import { isError } from '../../../task/task-errors.js';

/** Way in which an object travels: as a value of its kind, as its `toJSON` or box says, or not at all. */
export type ValueKind =
  'list' | 'entries' | 'date' | 'regexp' | 'url' | 'error' | 'set' | 'map' | 'bytes' | 'boxed' | 'toJSON' | 'none';

/** Kind of an object of any realm. */
export function kindOf(value: object): ValueKind {
  if (Array.isArray(value)) return 'list';
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype && !('toJSON' in value)) return 'entries';
  if (types.isDate(value)) return 'date';
  const hasToJson = 'toJSON' in value && typeof value.toJSON === 'function';
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  if (types.isRegExp(value)) return 'regexp';
  if (value instanceof URL) return 'url';
  if (isError(value)) return 'error';
  if (ArrayBuffer.isView(value)) return typedArrayOf(value) === undefined ? 'none' : 'bytes';
  if (types.isBoxedPrimitive(value)) return 'boxed';
  if (hasToJson) return 'toJSON';
  // What keeps its state elsewhere, such as a Promise or a WeakMap, would arrive empty.
  return hasPlainPrototype(prototype) || Object.keys(value).length > 0 ? 'entries' : 'none';
}

function hasPlainPrototype(prototype: unknown): boolean {
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

const TYPED_ARRAYS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
};

type TypedArrayName = keyof typeof TYPED_ARRAYS;
type TypedArray = InstanceType<(typeof TYPED_ARRAYS)[TypedArrayName]>;

/** Name of the type of an array of numbers; nothing for other views, such as a DataView. */
export function typedArrayOf(view: ArrayBufferView): TypedArrayName | undefined {
  const name = (view as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? '';
  return Object.hasOwn(TYPED_ARRAYS, name) ? (name as TypedArrayName) : undefined;
}

/**
 * @throws {TypeError} when the name is of no typed array.
 */
export function typedArrayOfBytes(name: unknown, bytes: Uint8Array): TypedArray {
  return new (typeNamed(name))(new Uint8Array(bytes).buffer);
}

/**
 * @throws {TypeError} when the name is of no typed array.
 */
export function typedArrayOfNumbers(name: unknown, numbers: readonly unknown[]): TypedArray {
  return new (typeNamed(name))(numbers.map(Number));
}

function typeNamed(name: unknown): (typeof TYPED_ARRAYS)[TypedArrayName] {
  if (typeof name === 'string' && Object.hasOwn(TYPED_ARRAYS, name)) return TYPED_ARRAYS[name as TypedArrayName];
  throw new TypeError('A typed array that is not known');
}
