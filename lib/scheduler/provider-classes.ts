import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { readClassTaskMetadata } from '../decorators/task-metadata.js';
import type { TaskConfig } from '../task/task-config.js';

export type AnyFunction = (...args: never[]) => unknown;

/** Whether there is one instance, for the whole life of the application. */
export function isStatic(wrapper: InstanceWrapper): boolean {
  return wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
}

/** What the task decorators on a provider's class say. */
export function classConfigOf(wrapper: InstanceWrapper): TaskConfig {
  const { constructor } = prototypeOf(wrapper) ?? {};
  return typeof constructor === 'function' && constructor !== Object ? readClassTaskMetadata(constructor) : {};
}

/** The prototype of what a provider is, or will be, an instance of. */
export function prototypeOf({ instance, metatype, inject }: InstanceWrapper): object | undefined {
  if (typeof instance === 'object' && instance !== null) return Object.getPrototypeOf(instance) as object;
  // A factory's prototype says nothing of what it makes.
  return inject === undefined || inject === null ? (metatype as { prototype?: object } | null)?.prototype : undefined;
}

/** Those of the class and of its base classes, also the ones that are overridden. */
export function* methodsOf(
  prototype: object | undefined,
): Generator<{ readonly name: string; readonly func: AnyFunction; readonly prototype: object }> {
  for (let at = prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | undefined) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function' && name !== 'constructor')
        yield { name, func: value as AnyFunction, prototype: at };
    }
  }
}
