import 'reflect-metadata';
import { mergeTaskConfig, type TaskConfig } from '../task/task-config.js';

/** A fixed key, so that two copies of this library in one process see each other's decorators. */
const TASK_CONFIG = 'nestjs-tasks:config';

/** What task decorators left on a class or a function. */
export function readTaskMetadata(target: object): TaskConfig | undefined {
  // Own metadata only: reading along the prototype chain costs four times as much, and functions do not inherit.
  return Reflect.getOwnMetadata(TASK_CONFIG, target) as TaskConfig | undefined;
}

/** The same for a class, with what its base classes carry. */
export function readClassTaskMetadata(target: object): TaskConfig {
  return (Reflect.getMetadata(TASK_CONFIG, target) as TaskConfig | undefined) ?? {};
}

/** A decorator for classes and methods that lays `config` over what is already there, and does nothing else. */
export function TaskMetadata(config: TaskConfig): ClassDecorator & MethodDecorator {
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const host = (descriptor?.value as object | undefined) ?? target;
    Reflect.defineMetadata(TASK_CONFIG, mergeTaskConfig(readClassTaskMetadata(host), config), host);
  };
}
