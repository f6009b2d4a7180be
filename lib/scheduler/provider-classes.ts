import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { readClassTaskMetadata } from '../decorators/task-metadata.js';
import type { TaskConfig } from '../task/task-config.js';

export type AnyFunction = (...args: never[]) => unknown;

/** Tells if one instance serves the whole life of the application. */
export function isStatic(wrapper: InstanceWrapper): boolean {
  return wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
}

/** Returns the options of the task decorators on a provider's class. */
export function classConfigOf(wrapper: InstanceWrapper): TaskConfig {
  const { constructor } = prototypeOf(wrapper) ?? {};
  return typeof constructor === 'function' && constructor !== Object ? readClassTaskMetadata(constructor) : {};
}

/** Returns the prototype of a provider's present or future instance. */
export function prototypeOf({ instance, metatype, inject }: InstanceWrapper): object | undefined {
  const value: unknown = instance;
  if (typeof value === 'object' && value !== null) return ask(() => Object.getPrototypeOf(value) as object);
  // A factory's prototype differs from its product's.
  return inject === undefined || inject === null ? (metatype as { prototype?: object } | null)?.prototype : undefined;
}

/** Lists the methods of a prototype, or statics of a class, and of its bases, overridden ones included. */
export function* methodsOf(
  prototype: object | undefined,
): Generator<{ readonly name: string; readonly func: AnyFunction; readonly prototype: object }> {
  for (const { name, descriptor, prototype: at } of membersOf(prototype)) {
    const value: unknown = descriptor.value;
    if (typeof value === 'function' && name !== 'constructor')
      yield { name, func: value as AnyFunction, prototype: at };
  }
}

/** Lists the accessors of a prototype and of its bases, without reading them. */
export function* accessorsOf(
  prototype: object | undefined,
): Generator<{ readonly name: string; readonly prototype: object }> {
  for (const { name, descriptor, prototype: at } of membersOf(prototype)) {
    if (descriptor.get !== undefined) yield { name, prototype: at };
  }
}

function* membersOf(
  prototype: object | undefined,
): Generator<{ readonly name: string; readonly descriptor: PropertyDescriptor; readonly prototype: object }> {
  for (let at = prototype; at && at !== Object.prototype && at !== Function.prototype; at = parentOf(at)) {
    const own: Record<string, PropertyDescriptor> = ask(() => Object.getOwnPropertyDescriptors(at)) ?? {};
    for (const [name, descriptor] of Object.entries(own)) yield { name, descriptor, prototype: at };
  }
}

function parentOf(prototype: object): object | undefined {
  return ask(() => Object.getPrototypeOf(prototype) as object | null) ?? undefined;
}

/** Reflects on foreign objects: a Proxy may refuse, without effect on other providers. */
function ask<T>(reflect: () => T): T | undefined {
  try {
    return reflect();
  } catch {
    return undefined;
  }
}
