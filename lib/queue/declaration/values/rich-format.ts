/**
 * JSON in which marks stand for values that JSON has not. A mark is an object whose only key begins with `$`, such as
 * `{ "$date": 0 }`. A plain object that looks like a mark is written as `{ "$object": … }`. `{ "$ref": 3 }` is the fourth
 * object of the text: objects are numbered from 0, each before the objects within it.
 */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Number of Dates that are numbered as objects. Rows have a Date each, and a look for shared ones costs a third more. */
export const NUMBERED_DATES = 1_000;

/** Own key that code which copies objects would take for their prototype. */
export const FORBIDDEN_KEY = '__proto__';

/** Tells by the keys of a plain object if it is a mark, or would be taken for one. */
export function isMark(keys: readonly string[]): boolean {
  return keys.length === 1 && keys[0]?.startsWith('$') === true;
}
