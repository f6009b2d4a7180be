import 'reflect-metadata';

type AnyFunction = (...args: never[]) => unknown;

/** Fixed key, so that two copies of this library in one process see each other's decorators. */
const ORIGINAL = 'nestjs-tasks:original';

/**
 * Keeps a method as its class declares it. Decorators are applied from the last to the first, and take effect on the
 * prototype after all of them. Until then it holds the original, regardless of wrappers.
 */
export function keepOriginal(prototype: object, method: string | symbol): void {
  if (originalOf(prototype, method) !== undefined) return;
  const func: unknown = Object.getOwnPropertyDescriptor(prototype, method)?.value;
  if (typeof func === 'function') Reflect.defineMetadata(ORIGINAL, func, prototype, method);
}

/**
 * Returns the method as its class declares it, whose source has its parameters; undefined without one of this library's
 * decorators.
 */
export function originalOf(prototype: object, method: string | symbol): AnyFunction | undefined {
  return Reflect.getOwnMetadata(ORIGINAL, prototype, method) as AnyFunction | undefined;
}
