import { describeValue } from '../task/task-errors.js';
import type { ErrorParts, Thrown } from './thread-call.js';

const CLASSES: Readonly<Record<string, ErrorConstructor>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** Restores a value that a thread has thrown. */
export function reviveThrown(thrown: Thrown): unknown {
  return 'error' in thrown ? reviveError(thrown.error) : thrown.value;
}

function reviveError({ type, name, message, stack, cause, own }: ErrorParts): Error {
  const error = new (CLASSES[type] ?? Error)(message, cause === undefined ? undefined : { cause: reviveThrown(cause) });
  if (error.name !== name) define(error, 'name', name);
  define(error, 'stack', stack);
  return Object.assign(error, own);
}

/**
 * Reads a part of the error that has ended a thread. Node creates it from the prototype alone, so no check recognizes
 * it in another realm, such as jest's.
 */
export function readThrown(thrown: unknown, part: 'message' | 'stack'): string {
  const { [part]: text } = Object(thrown) as { message?: unknown; stack?: unknown };
  return typeof text === 'string' ? text : describeValue(thrown);
}

/** Defines a property as errors have it: not enumerable. */
function define(error: Error, key: 'name' | 'stack', value: string | undefined): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true });
}
