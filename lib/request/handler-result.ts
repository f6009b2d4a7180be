import { types } from 'node:util';
import { from, Observable } from 'rxjs';
import { tap } from 'rxjs/operators';
import type { RouteOutcome } from './route-outcome.js';

/** Listener to the result of a handler, when work continues after its return. */
export interface ResultListener {
  /** Reports a subscription, or the request for the first chunk. */
  read(): void;
  /** Reports a value. May be called more than once. */
  emitted(): void;
  /** Reports the end. May be called more than once; the first outcome counts. */
  ended(outcome: RouteOutcome): void;
  /** Runs `func` in the context of the handler. */
  runAs<R>(func: () => R): R;
}

/**
 * Watches an Observable. A teardown counts as a success: the subscriber has gone, or has enough. The subscription runs
 * in the listener's context, for every subscriber.
 */
export function watchObservable(result: Observable<unknown>, listener: ResultListener): Observable<unknown> {
  const watched = from(result).pipe(
    tap({
      subscribe: () => listener.read(),
      next: () => listener.emitted(),
      error: () => listener.ended('error'),
      complete: () => listener.ended('success'),
    }),
  );
  return new Observable((subscriber) => {
    subscriber.add(() => listener.ended('success')); // before the result's teardown, which may throw
    listener.runAs(() => watched.subscribe(subscriber));
  });
}

/**
 * Watches an async generator, whose body runs when Nest sends its chunks. The methods are replaced on the object
 * itself, since Nest decides by the object how to answer.
 *
 * @returns `false` if `result` is not an async generator.
 */
export function watchGenerator(result: unknown, listener: ResultListener): boolean {
  if (!types.isGeneratorObject(result) || !(Symbol.asyncIterator in result)) return false;
  const generator = result as unknown as AsyncGenerator;
  const { next } = generator;
  const end = generator.return;
  generator.next = async (...args) => {
    listener.read();
    try {
      const step = await next.apply(generator, args);
      if (step.done === true) listener.ended('success');
      else listener.emitted();
      return step;
    } catch (error) {
      listener.ended('error');
      throw error;
    }
  };
  generator.return = async (value) => {
    try {
      return await end.call(generator, value);
    } finally {
      listener.ended('success'); // the receiver has gone
    }
  };
  return true;
}
