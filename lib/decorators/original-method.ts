import 'reflect-metadata';

type AnyFunction = (...args: never[]) => unknown;

/** A fixed key, so that two copies of this library in one process see each other's decorators. */
const ORIGINAL = 'nestjs-tasks:original';

/**
 * Keeps a method as its class declares it. Decorators are applied from the last to the first, and take effect on the
 * prototype when all have been: until then it holds the original, whatever wraps it.
 */
export function keepOriginal(prototype: object, method: string | symbol): void {
  if (originalOf(prototype, method) !== undefined) return;
  const func: unknown = Object.getOwnPropertyDescriptor(prototype, method)?.value;
  if (typeof func === 'function') Reflect.defineMetadata(ORIGINAL, func, prototype, method);
}

/** The method as its class declares it, whose source tells its parameters; nothing where no decorator of ours is on it. */
export function originalOf(prototype: object, method: string | symbol): AnyFunction | undefined {
  return Reflect.getOwnMetadata(ORIGINAL, prototype, method) as AnyFunction | undefined;
}
