import type { ExecutionFilter, StateName } from '../../operations/api.js';
import { executionQueryOf } from '../../operations/execution-query.js';
import { UsageError } from '../exit-code.js';

/** Options that choose ended executions. */
export interface FilterOptions {
  readonly task?: string;
  readonly state?: string;
  readonly error?: string;
  readonly kind?: string;
  readonly keyPrefix?: string;
  readonly since?: string;
  readonly until?: string;
}

const ENDED: readonly StateName[] = ['completed', 'failed', 'cancelled', 'dropped'];

export function hasCondition({ task, state, error, kind, keyPrefix, since, until }: FilterOptions): boolean {
  return [task, state, error, kind, keyPrefix, since, until].some((option) => option !== undefined);
}

/**
 * Reads the filter. Without a state, executions of all end states are meant.
 *
 * @throws {InputError} when an option cannot be read.
 * @throws {UsageError} when a state is not one of an ended execution.
 */
export function filterOf({ task, state, error, kind, keyPrefix, since, until }: FilterOptions): ExecutionFilter {
  const filter = executionQueryOf({ task, state, error, kind, keyPrefix, since, until });
  const live = filter.state?.find((name) => !ENDED.includes(name));
  if (live !== undefined) {
    throw new UsageError(`--state ${live} is not the state of an ended execution. Pass ${ENDED.join(', ')}.`);
  }
  return { state: ENDED, ...filter };
}
