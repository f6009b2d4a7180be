import { isDeepStrictEqual } from 'node:util';

/** Matcher, such as `expect.any(String)` of Jest or Vitest. */
export interface Matcher {
  asymmetricMatch(actual: unknown): boolean;
}

/**
 * Value, or a matcher such as `expect.any(String)` in its place or anywhere in it.
 *
 * @publicApi
 */
export type Matching<T> = T | Matcher | (T extends object ? { readonly [K in keyof T]: Matching<T[K]> } : never);

/** Compares deeply and strictly, with matchers of `expected` in their places. */
export function matches(expected: unknown, actual: unknown): boolean {
  return isDeepStrictEqual(fill(expected, actual, new Set()), expected);
}

/** Returns `actual` with each matcher of `expected` in the place of its match. */
function fill(expected: unknown, actual: unknown, within: Set<unknown>): unknown {
  if (isMatcher(expected)) return expected.asymmetricMatch(actual) ? expected : actual;
  if (within.has(expected)) return actual; // a circular value
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

/** Tells plain objects of any realm: test runners have their own. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
