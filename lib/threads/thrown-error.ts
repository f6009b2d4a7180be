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

/** What a thread has thrown, put together again. */
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
 * A part of what has ended a thread. Node makes that error from its prototype alone, so that in another realm, which that
 * of jest is, nothing tells it for one.
 */
export function readThrown(thrown: unknown, part: 'message' | 'stack'): string {
  const { [part]: text } = Object(thrown) as { message?: unknown; stack?: unknown };
  return typeof text === 'string' ? text : describeValue(thrown);
}

/** As errors have them: not enumerable. */
function define(error: Error, key: 'name' | 'stack', value: string | undefined): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true });
}
