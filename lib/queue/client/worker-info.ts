import type { WorkerRecord } from './workers.js';

/**
 * One worker of the fleet.
 *
 * @publicApi
 */
export interface WorkerInfo {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly concurrency: number;
  /** How many executions it runs. */
  readonly running: number;
  /** Names of the tasks that it can run. */
  readonly tasks: readonly string[];
  readonly startedAt: Date;
  /** When it was last ready to claim; not a mere sign of life of its process. */
  readonly seenAt: Date;
}

/** Gives users the times of a worker as Dates. */
export function workerInfoOf({ startedAt, seenAt, ...worker }: WorkerRecord): WorkerInfo {
  return { ...worker, startedAt: new Date(startedAt), seenAt: new Date(seenAt) };
}
