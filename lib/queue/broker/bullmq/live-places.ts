import type { LiveFilter } from '../live.js';
import { PARKED_UNTIL } from './backlog.js';

/** Places of BullMQ's jobs in which executions of some states can lie. */
export interface LivePlaces {
  readonly active: boolean;
  readonly waiting: boolean;
  /** Times until which jobs are delayed, in milliseconds since the epoch. Nothing: none of them. */
  readonly delayed?: { readonly from: number; readonly to: number };
}

/** Time that no job is delayed beyond. */
const NEVER = 2 * PARKED_UNTIL;

/** Returns the places to look at. Some jobs in them may have other states: the caller checks each. */
export function placesOf({ states }: LiveFilter, now: number): LivePlaces {
  const wants = (...some: (typeof states & {})[number][]): boolean =>
    states === undefined || some.some((state) => states.includes(state));
  const parts = [
    ...(wants('queued') ? [{ from: 0, to: now + 1 }] : []),
    ...(wants('scheduled', 'retrying') ? [{ from: now, to: PARKED_UNTIL - 1 }] : []),
    ...(wants('parked') ? [{ from: PARKED_UNTIL, to: NEVER }] : []),
  ];
  const [first, last] = [parts[0], parts.at(-1)];
  return {
    active: wants('running'),
    waiting: wants('queued'),
    ...(first !== undefined && last !== undefined && { delayed: { from: first.from, to: last.to } }),
  };
}
