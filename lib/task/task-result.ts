import { types } from 'node:util';
import { from, isObservable, lastValueFrom, Observable, takeUntil, type Subscribable } from 'rxjs';
import { currentActivity } from './task-activity.js';
import { describeValue } from './task-errors.js';

const REMEDY = 'Iterate it in a function: async () => { for await (const item of items()) … }.';

/**
 * Result of a task whose function returns `R`: what a promise resolves to, the last value of an Observable.
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

/** @throws {TypeError} when it is a generator function, sync or async. */
export function refuseGenerator(func: (...args: never[]) => unknown): void {
  if (!types.isGeneratorFunction(func)) return;
  throw new TypeError(
    `schedule() needs a function that works when it is called, and got ${describeValue(func)}, a generator, whose body runs only when it is iterated. ${REMEDY}`,
  );
}

/** Tells a result that does nothing until somebody takes it. Foreign objects may refuse to be asked. */
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
  throw new TypeError(
    `The function of the task returned a generator, whose body runs only when it is iterated. ${REMEDY}`,
  );
}

/** Another copy of RxJS may have made the source. */
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
        // The task has its end; an error out of an abort listener would end the process.
        process.emitWarning(
          `The Observable of a task that was stopped has failed in its teardown: ${describeValue(teardownError)}`,
        );
      }
    };
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail);
    return () => signal.removeEventListener('abort', fail);
  });
}
