import { createRequire } from 'node:module';
import type { Type } from '@nestjs/common';
import { Execution } from './queue/client/execution.js';
import { Task } from './task/task.js';

interface Shown {
  toJSON(): Record<string, unknown>;
}

/** Loads synchronously: with import() the application might answer before the promise settles. */
const require = createRequire(import.meta.url);

/**
 * Makes class-transformer, where the application has it, serialize tasks and executions as JSON does. Nest's
 * `ClassSerializerInterceptor` does not call `toJSON()`: it would walk a task's arguments, and call its function.
 */
export function serializeAsJson(name = 'class-transformer'): void {
  const transformer = load(name);
  if (transformer === undefined) return;
  const { Exclude, Expose, Transform } = transformer;
  const show = <T extends Shown>({ prototype }: Type<T>, keys: readonly (keyof T & string)[]): void => {
    Exclude()(prototype.constructor);
    for (const key of keys) {
      Expose()(prototype as object, key);
      Transform(({ obj }) => (obj as T).toJSON()[key])(prototype as object, key);
    }
  };
  show(Task as Type<Task>, ['id', 'name', 'timing', 'status', 'attempt', 'shielded']);
  show(Execution as Type<Execution>, ['key', 'name', 'state', 'attempt', 'when', 'progress', 'disposition']);
}

function load(name: string): typeof import('class-transformer') | undefined {
  try {
    return require(name) as typeof import('class-transformer');
  } catch {
    return undefined; // a missing package serializes nothing
  }
}
