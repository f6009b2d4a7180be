import type { Task } from '../task/task.js';

/** How a route ended. */
export type RouteOutcome = 'success' | 'error';

/** Whether a task of a batch runs when its route has ended so. */
export function isDueOn(outcome: RouteOutcome, { config: { runOn } }: Task): boolean {
  return runOn === 'always' || runOn === outcome;
}

/** Why one that does not is discarded. */
export function reasonToDiscard(outcome: RouteOutcome): string {
  return outcome === 'error' ? 'route failed' : 'route succeeded';
}
