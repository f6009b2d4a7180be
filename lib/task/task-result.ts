import { types } from 'node:util';
import { from, isObservable, lastValueFrom, Observable, type Subscribable } from 'rxjs';
import { takeUntil } from 'rxjs/operators';
import { currentActivity } from './task-activity.js';
import { describeValue } from './task-errors.js';

const REMEDY = 'Iterate it in a function: async () => { for await (const item of items()) … }.';

/**
 * Result of a task whose function returns `R`: the value of a promise, or the last value of an Observable.
 *
 * @publicApi
 */
export type TaskResult<R> = Awaited<R> extends infer V ? (V extends Observable<infer T> ? T : V) : never;

/**
 * Refuses generator functions at compile time.
 *
 * @publicApi
 */
export type NoGenerator<R> = [R] extends [never]
  ? unknown
  : R extends Generator<unknown, unknown, never> | AsyncGenerator<unknown, unknown, never>
    ? { readonly refused: 'The body of a generator function never runs unless something iterates it' }
    : unknown;

/** Refuses a generator function. @throws {TypeError} */
export function refuseGenerator(func: (...args: never[]) => unknown): void {
  if (!types.isGeneratorFunction(func)) return;
  throw new TypeError(
    `schedule() refuses ${describeValue(func)}: it is a generator function, whose body runs only when iterated. ${REMEDY}`,
  );
}

/** Tells a result that does nothing until it is subscribed to or iterated. Foreign objects may refuse the access. */
export function isLazy(result: unknown): result is object {
  if (typeof result !== 'object' || result === null || types.isPromise(result)) return false;
  try {
    return types.isGeneratorObject(result) || ('lift' in result && isObservable(result));
  } catch {
    return false;
  }
}

/**
 * Subscribes to an Observable, in the attempt that runs here, until the attempt is aborted.
 *
 * @returns the result, or a promise of the last value.
 * @throws {TypeError} when it is a generator.
 */
export function takeResult(result: unknown): unknown {
  if (!isLazy(result)) return result;
  if (isObservable(result)) return lastValueFrom(untilAborted(result), { defaultValue: undefined });
  throw new TypeError(`The task's function returned a generator, whose body runs only when iterated. ${REMEDY}`);
}

/** Ends the source at the abort. Another copy of RxJS may have made the source. */
function untilAborted(source: Subscribable<unknown>): Observable<unknown> {
  const own = from(source as Observable<unknown>);
  const signal = currentActivity()?.signal;
  return signal === undefined ? own : own.pipe(takeUntil(failOnAbort(signal)));
}

function failOnAbort(signal: AbortSignal): Observable<never> {
  return new Observable((subscriber) => {
    const fail = (): void => {
      try {
        subscriber.error(signal.reason);
      } catch (teardownError) {
        // The task has ended; an error out of an abort listener would end the process.
        process.emitWarning(`Observable of a stopped task failed in its teardown: ${describeValue(teardownError)}`);
      }
    };
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail);
    return () => signal.removeEventListener('abort', fail);
  });
}
