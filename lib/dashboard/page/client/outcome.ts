import type { ActionName, ActionResult, ExecutionTarget } from '../../../operations/api.js';
import { counted } from '../parts/number.js';
import { Source } from './source.js';

/** Outcome of the last action, which a live region says. */
export interface Outcome {
  readonly isFailure: boolean;
  readonly text: string;
  /** Execution that does the work. */
  readonly execution?: ExecutionTarget;
}

export const outcome = new Source<Outcome | undefined>(undefined);

const TEXTS: Readonly<Record<string, string>> = {
  cancelled: 'Cancelled: it will not run.',
  signalled: 'It runs, and was asked to stop.',
  retried: 'It runs again.',
  started: 'It starts as soon as a worker is free.',
  'not-scheduled': 'Nothing was changed: it does not wait for a time.',
  'already-scheduled': 'Nothing was changed: an execution with its key has not ended.',
  'not-found': 'Nothing was changed: it is gone by now.',
  forgotten: 'Forgotten.',
  'not-paused': 'Nothing was changed: the queue was not paused.',
  paused: 'The queue is paused.',
  resumed: 'The queue goes on.',
  struck: 'The strike is in force.',
  restored: 'The strike is taken back.',
};

export function outcomeText(action: ActionName, { result, count }: ActionResult): string {
  const about = count === undefined ? '' : ` ${counted(count, 'execution')}`;
  if (action === 'retry-all') return `The retry${count === undefined ? '' : ` of${about}`} has begun.`;
  if (action === 'forget-all') return `The removal${count === undefined ? '' : ` of${about}`} has begun.`;
  if (action === 'clear') return `The queue is cleared.${count === undefined ? '' : ` It cancelled${about}.`}`;
  const known = Object.hasOwn(TEXTS, result) ? TEXTS[result] : undefined;
  return known ?? `Answer of ${action}: ${result}.`;
}
