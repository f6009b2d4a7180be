import { hostname } from 'node:os';
import type { NowView, PoolView, RequestTaskView } from '../operations/api.js';
import type { TaskScheduler } from '../scheduler/task-scheduler.js';
import { labelText } from '../task/log-text.js';
import type { Task } from '../task/task.js';

/** Number of tasks that are listed: the newest. */
const LISTED = 500;

/** Makes the view of the request tasks of this process. Durable runs are executions, and have their own views. */
export function nowOf(scheduler: TaskScheduler): NowView {
  const running = scheduler.running.filter(({ run }) => run === undefined);
  return {
    host: hostname(),
    pid: process.pid,
    counts: scheduler.counts,
    pools: poolsOf(scheduler),
    running: running.length,
    tasks: running.slice(-LISTED).toReversed().map(taskOf),
  };
}

function poolsOf({ pools }: TaskScheduler): PoolView[] {
  return Object.entries(pools).map(([name, { concurrency, running, waiting }]) => ({
    name,
    ...(concurrency !== Infinity && { concurrency }),
    running,
    waiting,
  }));
}

function taskOf({ id, name, status, timing, shielded, config, state }: Task): RequestTaskView {
  return {
    id,
    name: labelText(name),
    status,
    timing,
    isShielded: shielded,
    ...(config.pool !== undefined && { pool: config.pool }),
    startedAt: new Date(performance.timeOrigin + (state.startedAt ?? performance.now())).toISOString(),
  };
}
