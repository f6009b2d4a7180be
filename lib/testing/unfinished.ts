import { performance } from 'node:perf_hooks';
import type { Task } from '../task/task.js';
import { listing } from './listing.js';
import type { TaskRecord } from './task-record.js';

/** Lists unfinished tasks, with the reason and the duration of their wait. */
export function listUnfinished(title: string, tasks: Iterable<Task>, record: TaskRecord): string {
  const lines = [...tasks].map((task) => {
    const since = record.timeOf(task);
    const age = since === undefined ? '' : `, scheduled ${((performance.now() - since) / 1_000).toFixed(1)} s ago`;
    return `${task.label} (${task.timing}) ${standingOf(task)}${age}`;
  });
  return listing(title, lines);
}

function standingOf({ state, timing, attempt, config: { pool } }: Task): string {
  if (!state.isSubmitted) {
    return timing === 'afterRoute' ? 'is held until its handler has ended' : 'is held until its response has ended';
  }
  if (state.isRetrying) return state.isInvoked ? `runs, in attempt ${attempt}` : `waits for attempt ${attempt}`;
  if (state.isInvoked) return 'runs';
  if (state.hasEnded) return 'has failed, and its onError runs';
  return pool === undefined ? 'waits to start' : `waits to start in pool '${pool}'`;
}
