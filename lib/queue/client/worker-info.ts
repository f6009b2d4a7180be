import type { WorkerRecord } from './workers.js';

/**
 * Worker of the fleet.
 *
 * @publicApi
 */
export interface WorkerInfo {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly concurrency: number;
  /** Number of executions that it runs. */
  readonly running: number;
  /** Names of the tasks that it can run. */
  readonly tasks: readonly string[];
  readonly startedAt: Date;
  /** Time at which it was last ready to claim; a mere sign of life of its process does not count. */
  readonly seenAt: Date;
}

/** Gives users the times of a worker as Dates. */
export function workerInfoOf({ startedAt, seenAt, ...worker }: WorkerRecord): WorkerInfo {
  return { ...worker, startedAt: new Date(startedAt), seenAt: new Date(seenAt) };
}
