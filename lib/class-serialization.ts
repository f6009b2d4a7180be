import type { Type } from '@nestjs/common';
import { findPackage } from './package/optional-package.js';
import { Execution } from './queue/client/execution.js';
import { LogWriter } from './task/log-writer.js';
import { TASK_LINES } from './task/task-lines.js';
import { Task } from './task/task.js';
import { packageMissing } from './task/usage-errors.js';

interface Shown {
  toJSON(): Record<string, unknown>;
}

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
    const search = findPackage<typeof import('class-transformer')>(name);
    if ('found' in search) return search.found;
    if (search.problem.isTooOld) {
      const { message } = packageMissing('JSON of tasks by class-transformer', name, search.problem);
      new LogWriter().write('warn', TASK_LINES.warn.unserialized(message));
    }
  } catch {
    // A broken package serializes nothing.
  }
  return undefined;
}
