import { KnownOptions } from '../task/known-options.js';
import { TaskArgumentError } from './broker/queue-errors.js';
import { checkCallOptions } from './client/call-options.js';
import type { WorkerInfo } from './client/worker-info.js';
import type { PoolRecord } from './broker/limit.js';
import type { Listing } from './broker/broker.js';
import type { Execution } from './client/execution.js';
import type { ExecutionHandles } from './client/execution-handles.js';
import { parsePool } from './declaration/limit-declarations.js';
import { LIVE_STATES, type LiveState } from './broker/record.js';

/**
 * Executions in the queue that have not ended.
 *
 * @publicApi
 */
export interface QueueSnapshot {
  readonly taken: Date;
  /** Number of executions in each state, and in all. */
  readonly counts: Readonly<Record<LiveState, number>>;
  readonly total: number;
  /** Executions, as many as were asked for. */
  readonly executions: readonly Execution[];
  readonly workers: readonly WorkerInfo[];
}

/**
 * Executions that share a limit of `@ConcurrencyLimit()`, for one value of its parameter.
 *
 * @publicApi
 */
export interface LimitPool {
  /** Task that it belongs to, or scope that tasks share. */
  readonly owner: string;
  /** Parameter that it counts by; `undefined` where all executions count together, or the pool is shared. */
  readonly parameter: string | undefined;
  /** Value that its executions have in common. */
  readonly value: unknown;
  /** Largest number of executions that run at once. */
  readonly max: number;
  /** Keys of running executions. */
  readonly holders: readonly string[];
  /** Keys of waiting executions, first in first out. */
  readonly waiters: readonly string[];
}

const OPTIONS = new KnownOptions<{ limit?: number | undefined }>({ limit: true });

/** Checks the options of `snapshot()`. @returns how many executions it lists at most. */
export function listedOf(options: { limit?: number | undefined }): number {
  checkCallOptions(OPTIONS, options, 'snapshot()');
  const { limit = 1_000 } = options;
  if (Number.isInteger(limit) && limit >= 0) return limit;
  throw new TaskArgumentError('snapshot()', 'limit', limit, 'a whole number from 0');
}

export function limitPoolOf({ pool, max, holders, waiters }: PoolRecord): LimitPool {
  const { owner, parameter, value } = parsePool(pool);
  return {
    owner,
    parameter: parameter ?? undefined,
    value,
    max,
    holders: holders.map(({ key }) => key),
    waiters: waiters.map(({ key }) => key),
  };
}

export function snapshotOf(
  taken: Date,
  { counts, records }: Listing,
  handles: ExecutionHandles,
  workers: readonly WorkerInfo[],
): QueueSnapshot {
  const total = LIVE_STATES.reduce((sum, state) => sum + counts[state], 0);
  return { taken, counts, total, executions: records.map((record) => handles.of(record)), workers };
}
