import type { Attributes } from '@opentelemetry/api';
import { DEFAULT_POOL } from '../scheduler/task-pool-options.js';
import type { Task } from '../task/task.js';

/** What a task is one of: as many values as the code has. Some are in no pool. */
export function placeOf({ functionName, timing, config, run, isUnlimited }: Task): Attributes {
  return {
    'task.function': functionName,
    'task.timing': timing,
    ...(run === undefined && !isUnlimited && { 'task.pool': config.pool ?? DEFAULT_POOL }),
  };
}
