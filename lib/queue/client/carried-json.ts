import { isPlainObject } from '../../task/task-function.js';
import type { Json } from './task-context-carrier.js';

const MAX_DEPTH = 100;

/**
 * Tells whether JSON keeps a value as it is: what would arrive as something else, such as a Date or a Map, is refused at
 * its addition.
 */
export function isJson(value: unknown, depth = 0): value is Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      return value === null || (depth < MAX_DEPTH && areJson(value, depth + 1));
    default:
      return false;
  }
}

function areJson(value: object, depth: number): boolean {
  if (Array.isArray(value)) return Array.from(value).every((item) => isJson(item, depth));
  return isPlainObject(value) && Object.values(value).every((member) => member === undefined || isJson(member, depth));
}
