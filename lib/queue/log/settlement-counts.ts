import type { Settlement } from '../broker/settlement.js';
import type { QueueCounts } from './queue-counts.js';
import type { CountedEnd, Outcome } from './run-tallies.js';

/** Counter of each settlement. */
const COUNTED: Readonly<Record<Settlement['type'], keyof QueueCounts>> = {
  complete: 'completed',
  fail: 'failed',
  cancel: 'cancelled',
  drop: 'dropped',
  retry: 'retried',
  reschedule: 'rescheduled',
  release: 'released',
  park: 'parked',
};

/** Outcome of a run, by its settlement. */
const OUTCOMES: Readonly<Partial<Record<Settlement['type'], Outcome>>> = {
  complete: 'completed',
  fail: 'failed',
  retry: 'retried',
  cancel: 'cancelled',
  drop: 'dropped',
};

/** Returns the counter of a settlement. */
export function countOf(settlement: Settlement): keyof QueueCounts {
  const isPutOff = settlement.type === 'release' && settlement.isUnstarted === true;
  return isPutOff ? 'delayed' : COUNTED[settlement.type];
}

/** Returns what the end of a run counts as by task and minute; nothing for one that is put off, or left out. */
export function outcomeOf({ task }: Pick<CountedEnd, 'task'>, settlement: Settlement): Outcome | undefined {
  if (settlement.type !== 'reschedule') return OUTCOMES[settlement.type];
  if (settlement.reason !== undefined) return undefined;
  if (settlement.error !== undefined) return 'failed';
  return task === undefined ? undefined : 'completed';
}
