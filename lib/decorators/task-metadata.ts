import 'reflect-metadata';
import { mergeTaskConfig, type TaskConfig } from '../task/task-config.js';
import { TasksConfigError } from '../task/task-errors.js';
import { keepOriginal } from './original-method.js';

/** Fixed key, so that two copies of this library in one process see each other's decorators. */
const TASK_CONFIG = 'nestjs-tasks:config';

/** Returns the options of the task decorators on a class or a function. */
export function readTaskMetadata(target: object): TaskConfig | undefined {
  // Own metadata only: reading along the prototype chain costs four times as much, and functions do not inherit.
  return Reflect.getOwnMetadata(TASK_CONFIG, target) as TaskConfig | undefined;
}

/** Returns the options of a method as its own class declares it, regardless of wrappers around the function. */
export function readMethodTaskMetadata(prototype: object, method: string | symbol, func: object): TaskConfig {
  const byName = Reflect.getOwnMetadata(TASK_CONFIG, prototype, method) as TaskConfig | undefined;
  return byName ?? readTaskMetadata(func) ?? {};
}

/** Returns the options of a class, its base classes included. */
export function readClassTaskMetadata(target: object): TaskConfig {
  return (Reflect.getMetadata(TASK_CONFIG, target) as TaskConfig | undefined) ?? {};
}

/**
 * Lays `config` over the existing options of a class or method. On a method it marks both the function, which may be
 * passed around, and its name, since other decorators may wrap the function.
 *
 * @param decorator name in the source.
 */
export function TaskMetadata(decorator: string, config: TaskConfig): ClassDecorator & MethodDecorator {
  return (target: object, method?: string | symbol, place?: PropertyDescriptor | number) => {
    if (method === undefined && place === undefined) {
      Reflect.defineMetadata(TASK_CONFIG, mergeTaskConfig(readClassTaskMetadata(target), config), target);
      return;
    }
    const func = typeof place === 'object' ? (place.value as unknown) : undefined;
    if (typeof func !== 'function' || method === undefined) throw misplaced(decorator, method, place);
    const merged = mergeTaskConfig(readMethodTaskMetadata(target, method, func), config);
    Reflect.defineMetadata(TASK_CONFIG, merged, func);
    Reflect.defineMetadata(TASK_CONFIG, merged, target, method);
    keepOriginal(target, method);
  };
}

function misplaced(decorator: string, member: string | symbol | undefined, place: unknown): TasksConfigError {
  const what = typeof place === 'number' ? 'on a parameter' : place === undefined ? 'on a property' : 'on an accessor';
  return new TasksConfigError(
    `@${decorator}() on ${member === undefined ? 'a constructor' : String(member)}`,
    undefined,
    'a method or a class: write an arrow function as a method, or pass its options to task({…})',
    what,
  );
}
