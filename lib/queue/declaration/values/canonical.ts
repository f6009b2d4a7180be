import { MAX_DEPTH } from './obstacle.js';
import { encodeValue } from './rich-json.js';
import { kindOf } from './value-kind.js';

/**
 * Returns a value in the form that all equal values share, so that they are stored as the same text: keys of objects and
 * members of Sets and Maps in order, no properties that are `undefined`, 0 for -0, no shared objects. Number and bigint
 * stay two types. What cannot travel stays as it is.
 */
export function canonical(value: unknown): unknown {
  return canonicalOf(value, new Map());
}

/** @param around copies of the objects that the value lies in: a circle leads back to one of them. */
function canonicalOf(value: unknown, around: Map<object, unknown>): unknown {
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (typeof value !== 'object' || value === null || around.size > MAX_DEPTH) return value;
  if (around.has(value)) return around.get(value);
  switch (kindOf(value)) {
    case 'boxed':
      return canonicalOf(value.valueOf(), around);
    case 'toJSON':
      return within(value, value, around, () => canonicalOf((value as { toJSON(): unknown }).toJSON(), around));
    case 'list':
      return fill(value, [] as unknown[], around, (copy) => {
        for (const item of value as unknown[]) copy.push(canonicalOf(item, around));
      });
    case 'entries':
      return fill(value, {} as Record<string, unknown>, around, (copy) => {
        for (const key of Object.keys(value).toSorted()) {
          const item = canonicalOf((value as Record<string, unknown>)[key], around);
          if (item !== undefined) Object.defineProperty(copy, key, { value: item, enumerable: true });
        }
      });
    case 'set':
      return fill(value, new Set(), around, (copy) => {
        for (const item of inOrder(each([...(value as Set<unknown>)], around))) copy.add(item);
      });
    case 'map':
      return fill(value, new Map(), around, (copy) => {
        const pairs = [...(value as Map<unknown, unknown>)].map((pair) => each(pair, around));
        for (const [key, item] of inOrder(pairs)) copy.set(key, item);
      });
    case 'error':
      return canonicalError(value as Error, around);
    case 'bytes':
      return canonicalBytes(value as ArrayBufferView);
    case 'date':
      return new Date((value as Date).getTime());
    case 'regexp':
      return new RegExp(value as RegExp);
    case 'url':
      return new URL((value as URL).href);
    case 'none':
      return value;
  }
}

function canonicalError(error: Error, around: Map<object, unknown>): Error {
  const copy = new Error(error.message);
  Object.defineProperty(copy, 'name', { value: error.name });
  return fill(error, copy, around, () => {
    if (error.cause !== undefined) copy.cause = canonicalOf(error.cause, around);
  });
}

function canonicalBytes(view: ArrayBufferView): ArrayBufferView {
  return (view as Float64Array).map((item) => (item === 0 ? 0 : Number.isNaN(item) ? Number.NaN : item));
}

function each(items: readonly unknown[], around: Map<object, unknown>): unknown[] {
  return Array.from(items, (item) => canonicalOf(item, around));
}

/** Sorts by text. An item that cannot travel is refused later, where the whole is written. */
function inOrder<T>(items: readonly T[]): T[] {
  const textOf = (item: T): string => {
    try {
      return encodeValue(item, { path: '', depth: 0, maxSize: Number.MAX_SAFE_INTEGER });
    } catch {
      return '';
    }
  };
  const pairs = items.map((item) => ({ item, text: textOf(item) }));
  return pairs.toSorted((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0)).map(({ item }) => item);
}

function fill<T>(value: object, copy: T, around: Map<object, unknown>, filled: (copy: T) => void): T {
  return within(value, copy, around, () => {
    filled(copy);
    return copy;
  });
}

function within<T>(value: object, copy: unknown, around: Map<object, unknown>, act: () => T): T {
  around.set(value, copy);
  try {
    return act();
  } finally {
    around.delete(value);
  }
}
