import type { Signal } from '../broker.js';

/** Messages between processes: the port's signals, and the brokers' own. */
export type FleetSignal =
  | Signal
  /** Replacement that waits for the end of a run. */
  | { readonly type: 'replaced' }
  /** There is something to claim that the sender, who was woken for it, cannot take. */
  | { readonly type: 'work' };

/** Longest message that can be a signal: ids and names of maps are short. */
const LONGEST = 2_000;

/** Text fields of each type of signal. */
const FIELDS: Readonly<Record<FleetSignal['type'], readonly string[]>> = {
  cancel: ['id'],
  watch: ['id'],
  changed: ['id'],
  map: ['map'],
  replaced: [],
  work: [],
};

/** Reads a message of the fleet's channel; never throws. @returns nothing for what is no signal. */
export function decodeSignal(message: string): FleetSignal | undefined {
  if (message.length > LONGEST) return undefined;
  try {
    const signal = JSON.parse(message) as Record<string, unknown> | null;
    const type = signal?.['type'];
    if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) return undefined;
    const fields = FIELDS[type as FleetSignal['type']];
    return fields.every((field) => typeof signal?.[field] === 'string')
      ? (signal as unknown as FleetSignal)
      : undefined;
  } catch {
    return undefined;
  }
}
