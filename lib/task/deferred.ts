/** A promise that is resolved from outside, and never rejected. */
export interface Resolvable<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

/** A promise that is settled from outside. */
export interface Deferred<T> extends Resolvable<T> {
  reject(error: unknown): void;
}

export function createResolvable<T>(): Resolvable<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((onResolve) => {
    resolve = onResolve;
  });
  return { promise, resolve };
}

/** Creates a promise whose rejection is never an unhandled one: code that awaits the promise still sees it. */
export function createDeferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(ignore);
  return { promise, resolve, reject };
}

function ignore(): void {}
