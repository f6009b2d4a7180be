import type { Attributes } from '@opentelemetry/api';
import { DEFAULT_POOL } from '../scheduler/task-pool-options.js';
import type { Task } from '../task/task.js';

/** Returns attributes with as few values as the code has. Some tasks have no pool. */
export function placeOf({ functionName, timing, config, kind }: Task): Attributes {
  // Not a conditional spread: attributes are most of what a span costs beside the SDK.
  const place: Attributes = { 'task.function': functionName, 'task.timing': timing };
  if (kind === 'user') place['task.pool'] = config.pool ?? DEFAULT_POOL;
  return place;
}
