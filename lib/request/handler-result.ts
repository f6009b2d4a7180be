import { types } from 'node:util';
import { from, Observable, tap } from 'rxjs';
import type { RouteOutcome } from './route-outcome.js';

/** Hears of what a handler has returned, when that goes on after its return. */
export interface ResultListener {
  /** Somebody subscribes, or asks for the first chunk. */
  read(): void;
  /** May be called more than once. */
  emitted(): void;
  /** May be called more than once; the first word counts. */
  ended(outcome: RouteOutcome): void;
  /** Runs `func` in the context of the handler. */
  runAs<R>(func: () => R): R;
}

/**
 * The same Observable. One that is torn down counts as a success: whoever asked has gone, or has enough. What it does when
 * it is subscribed to is the listener's, whoever subscribes.
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
    subscriber.add(() => listener.ended('success')); // before that of the result, which may throw
    listener.runAs(() => watched.subscribe(subscriber));
  });
}

/**
 * Watches an async generator, whose body runs when Nest sends its chunks. The methods are replaced on the object itself,
 * since Nest tells by it what kind of answer it is.
 *
 * @returns `false` if it is none.
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
      listener.ended('success'); // whoever asked has gone
    }
  };
  return true;
}
