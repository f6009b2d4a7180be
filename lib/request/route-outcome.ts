import type { Task } from '../task/task.js';

/** Outcome of a route. */
export type RouteOutcome = 'success' | 'error';

/** Tells a batch's task that runs on this outcome of its route. */
export function isDueOn(outcome: RouteOutcome, { config: { runOn } }: Task): boolean {
  return runOn === 'always' || runOn === outcome;
}

/** Returns the reason for which the other tasks are discarded. */
export function reasonToDiscard(outcome: RouteOutcome): string {
  return outcome === 'error' ? 'route failed' : 'route succeeded';
}
