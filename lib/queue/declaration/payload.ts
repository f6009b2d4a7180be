import { messageOf } from '../../task/error-text.js';
import { labelText } from '../../task/log-text.js';
import { TaskArgumentError, TaskResultError } from '../broker/queue-errors.js';
import { MAX_SIZE } from '../broker/size.js';
import { Excess, Obstacle } from './values/obstacle.js';
import { decodeValue, encodeValue } from './values/rich-json.js';

const NO_ARGS = '[]';
/** Result of a task that returns nothing: earlier versions read it as `null`, which itself has no space. */
const NO_RESULT = '[null ]';

/**
 * Writes arguments.
 *
 * @param maxSize in bytes of the text. Default: that of the databases.
 * @throws {TaskArgumentError} naming the argument that cannot travel.
 */
export function encodeArgs(task: string, args: readonly unknown[], maxSize = MAX_SIZE): string {
  if (args.length === 0) return NO_ARGS;
  try {
    return encodeValue(args, { path: 'args', depth: 0, maxSize });
  } catch (error) {
    if (!(error instanceof Obstacle)) throw error;
    const { path, value, allowed, shown } = error;
    const argument = error instanceof Excess && path === 'args' ? largestOf(args) : path;
    throw new TaskArgumentError(task, argument, value, allowed, shown);
  }
}

/**
 * Reads arguments.
 *
 * @throws {TypeError} {@link SyntaxError} {@link RangeError} when they are no list, or damaged.
 */
export function decodeArgs(encoded: string): unknown[] {
  const args = decodeValue(encoded);
  if (!Array.isArray(args)) throw new TypeError('The stored arguments are no list');
  return args as unknown[];
}

/** Writes a result. A result that cannot travel is no failure of the run: callers of `result()` get the reason. */
export function encodeResult(task: string, value: unknown, maxSize = MAX_SIZE): string {
  if (value === undefined) return NO_RESULT;
  try {
    return `[${encodeValue(value, { path: 'result', depth: 1, maxSize })}]`;
  } catch (error) {
    const why =
      error instanceof Obstacle
        ? `${labelText(error.path)} is ${error.shown}. Allowed: ${error.allowed}`
        : messageOf(error); // a toJSON of the user's has thrown
    return JSON.stringify(`The result of task ${labelText(task)} cannot be stored: ${why}.`);
  }
}

/**
 * Reads a result.
 *
 * @throws {TaskResultError} when the task's result could not be stored.
 */
export function decodeResult(encoded: string): unknown {
  if (encoded === NO_RESULT) return undefined;
  if (encoded.startsWith('"')) throw new TaskResultError(JSON.parse(encoded) as string);
  return decodeValue(encoded.slice(1, -1));
}

/** Path of the largest argument. */
function largestOf(args: readonly unknown[]): string {
  const sizes = args.map((arg) =>
    Buffer.byteLength(encodeValue(arg, { path: '', depth: 1, maxSize: Number.MAX_SAFE_INTEGER })),
  );
  return `args[${sizes.indexOf(Math.max(...sizes))}]`;
}
