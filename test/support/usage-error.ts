import { expect } from '@jest/globals';
import type { TasksUsageCode } from 'nestjs-tasks';

/** Matches the `TasksUsageError` of one case: `toThrow(usageError('TASK_HOST'))`. */
export function usageError(code: TasksUsageCode): Error {
  return expect.objectContaining({ name: 'TasksUsageError', code }) as unknown as Error;
}
