import type { TaskDepth } from './broker/queue-depth.js';

/**
 * Executions that have not ended, by state.
 *
 * @publicApi
 */
export interface TaskStats {
  /** Number of executions that are due later. */
  readonly scheduled: number;
  /** Number of executions that are due and not started, whether or not a worker has noticed. */
  readonly waiting: number;
  /** Number of executions that wait for something other than a time. */
  readonly parked: number;
  readonly running: number;
  /** Number of failed executions whose next attempt is due later. */
  readonly retrying: number;
  /** Time since the first of `waiting` was due, in milliseconds. `undefined` where nothing waits. */
  readonly oldestWait: number | undefined;
}

/**
 * Executions of the fleet that have not ended, now.
 *
 * @publicApi
 */
export interface QueueStats {
  /** Sums over all tasks; the greatest `oldestWait`. */
  readonly total: TaskStats;
  /** By name of the task. Tasks without such executions are left out. */
  readonly tasks: Readonly<Record<string, TaskStats>>;
  /** True while `queue.pause()` is in force. */
  readonly isPaused: boolean;
  /** Executions that wait in the outbox. Absent where there is none. */
  readonly outbox?: OutboxStats;
}

/**
 * Executions that transactions have written, and no worker has given to the broker yet.
 *
 * @publicApi
 */
export interface OutboxStats {
  readonly waiting: number;
  /** Time since the first of them was written, in milliseconds. `undefined` where none waits. */
  readonly oldestWait: number | undefined;
}

const COUNTED = ['scheduled', 'waiting', 'parked', 'running', 'retrying'] as const;

export function statsOf(depths: readonly TaskDepth[], isPaused: boolean, now: number): QueueStats {
  const total = { scheduled: 0, waiting: 0, parked: 0, running: 0, retrying: 0 };
  for (const depth of depths) for (const state of COUNTED) total[state] += depth[state];
  const tasks = depths.map((depth) => [depth.name, taskStatsOf(depth, now)] as const);
  const waits = tasks.flatMap(([, { oldestWait }]) => oldestWait ?? []);
  const oldestWait = waits.length === 0 ? undefined : waits.reduce((most, wait) => Math.max(most, wait));
  return { total: { ...total, oldestWait }, tasks: Object.fromEntries(tasks), isPaused };
}

function taskStatsOf({ name: _name, oldestDue, ...counts }: TaskDepth, now: number): TaskStats {
  // Clocks of processes differ: what another one has just added may be due later by this one's.
  return { ...counts, oldestWait: oldestDue === undefined ? undefined : Math.max(0, now - oldestDue) };
}
