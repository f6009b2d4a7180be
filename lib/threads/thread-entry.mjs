// Runs in the worker threads. JavaScript, so that it also runs from the sources: no thread of Node 20 loads TypeScript.
import { setImmediate } from 'node:timers/promises';
import { types } from 'node:util';
import { threadId } from 'node:worker_threads';

/** @import { ErrorParts, ThreadCall, ThreadReply, Thrown } from './thread-call.js' */

const ERROR_CLASSES = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
/** What {@link partsOf} has places for. */
const PLACED = new Set(['name', 'message', 'stack', 'cause']);

/**
 * Calls the function of a file. Never throws, and returns nothing that cannot be cloned: Piscina would end the thread.
 *
 * @param {ThreadCall} call
 * @returns {Promise<ThreadReply>}
 */
export default async function run({ href, name, args, takenBy }) {
  Atomics.store(takenBy, 0, threadId);
  /** @type {Record<string, unknown>} */
  let file;
  try {
    file = await import(href);
  } catch (error) {
    return {
      fault: 'the file cannot be imported',
      remedy: 'Name one that Node can import at run time: JavaScript, where the build puts it',
      cause: thrownOf(error),
    };
  }
  const func = exportOf(file, name);
  if (typeof func !== 'function') {
    return {
      fault:
        func === undefined ? 'the file has no such export' : `the export is of type ${typeof func}, and no function`,
      remedy: `The file exports ${Object.keys(file).join(', ') || 'nothing'}`,
    };
  }
  const reply = await replyOf(func, args);
  // A promise that has failed and that nobody awaits ends the thread: now, with this task, and not with the next.
  await setImmediate();
  return reply;
}

/**
 * Node finds the exports of a CommonJS file that the source gives away; all of them are in its default export.
 *
 * @param {Record<string, unknown>} file
 * @param {string} name
 * @returns {unknown}
 */
function exportOf(file, name) {
  const found = file[name];
  const all = /** @type {Record<string, unknown>} */ (Object(file['default']));
  return typeof found !== 'function' && Object.hasOwn(all, name) ? all[name] : found;
}

/**
 * @param {Function} func
 * @param {readonly unknown[]} args
 * @returns {Promise<ThreadReply>}
 */
async function replyOf(func, args) {
  try {
    const value = await func(...args);
    const cause = whyNotCloneable(value);
    if (cause === undefined) return { value };
    return { fault: 'its result cannot be cloned', remedy: 'Return data, without functions in it', cause };
  } catch (error) {
    const thrown = thrownOf(error);
    const cause = whyNotCloneable(thrown);
    if (cause === undefined) return { thrown };
    return { fault: 'what it threw cannot be cloned', remedy: 'Throw an error', cause };
  }
}

/**
 * @param {unknown} value
 * @returns {Thrown | undefined}
 */
function whyNotCloneable(value) {
  try {
    structuredClone(value);
    return undefined;
  } catch (error) {
    return thrownOf(error);
  }
}

/**
 * @param {unknown} thrown
 * @param {readonly unknown[]} above the errors whose cause it is
 * @returns {Thrown}
 */
function thrownOf(thrown, above = []) {
  try {
    const isError = thrown instanceof Error || types.isNativeError(thrown);
    return isError ? { error: partsOf(thrown, [...above, thrown]) } : { value: thrown };
  } catch {
    return { value: thrown }; // it has a getter that throws
  }
}

/**
 * @param {Error} error
 * @param {readonly unknown[]} above
 * @returns {ErrorParts}
 */
function partsOf(error, above) {
  const { name, message, stack, cause } = error;
  const own = Object.getOwnPropertyNames(error)
    .filter((key) => !PLACED.has(key))
    .map((key) => [key, /** @type {any} */ (error)[key]])
    .filter(([, value]) => whyNotCloneable(value) === undefined);
  const thrownCause = cause === undefined || above.includes(cause) ? undefined : thrownOf(cause, above);
  return {
    type: ERROR_CLASSES.find((type) => error instanceof type)?.name ?? 'Error',
    name: String(name),
    message: String(message),
    stack: stack === undefined ? undefined : String(stack),
    own: Object.fromEntries(own),
    ...(thrownCause !== undefined && whyNotCloneable(thrownCause) === undefined && { cause: thrownCause }),
  };
}
