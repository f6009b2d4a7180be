import { isDeepStrictEqual } from 'node:util';

/** What `expect.any(String)` makes, and its like in Vitest. */
export interface Matcher {
  asymmetricMatch(actual: unknown): boolean;
}

/**
 * A value, or a matcher such as `expect.any(String)` in its place or anywhere in it.
 *
 * @publicApi
 */
export type Matching<T> = T | Matcher | (T extends object ? { readonly [K in keyof T]: Matching<T[K]> } : never);

/** Whether `actual` is deeply and strictly equal to `expected`, wherever that is no matcher. */
export function matches(expected: unknown, actual: unknown): boolean {
  return isDeepStrictEqual(fill(expected, actual, new Set()), expected);
}

/** `actual`, with each matcher of `expected` in the place of what it matches. */
function fill(expected: unknown, actual: unknown, within: Set<unknown>): unknown {
  if (isMatcher(expected)) return expected.asymmetricMatch(actual) ? expected : actual;
  if (within.has(expected)) return actual; // it contains itself
  const inner = new Set(within).add(expected);
  if (Array.isArray(expected) && Array.isArray(actual)) {
    return actual.map((item: unknown, index) => fill(expected[index], item, inner));
  }
  if (!isPlain(expected) || !isPlain(actual)) return actual;
  return Object.fromEntries(Object.entries(actual).map(([key, value]) => [key, fill(expected[key], value, inner)]));
}

function isMatcher(value: unknown): value is Matcher {
  return typeof (value as Partial<Matcher> | null | undefined)?.asymmetricMatch === 'function';
}

/** Of any realm: test runners have one of their own. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
