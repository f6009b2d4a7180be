import { FOLLOWS_RUN, QUIET } from '../broker.js';
import { readNumber, readStored } from '../stored.js';
import { newRecord } from '../new-record.js';
import { encodeKey } from './encoded-key.js';
import type { SideStore } from './side-store.js';
import type { ExecutionRecord, KeyedExecution } from '../record.js';

/** Map of replacements that wait for a run to end, by encoded key. */
export const REPLACEMENTS = `${QUIET}replacements`;

/** An execution that is to take the place of another one, under an id that is fixed: to add it twice adds it once. */
export interface Replacement {
  readonly id: string;
  readonly execution: KeyedExecution;
}

/** The replacement of a key that has not been applied yet. */
export async function replacementOf(store: SideStore, key: string): Promise<Replacement | undefined> {
  const text = await store.get(REPLACEMENTS, encodeKey(key));
  return text === undefined ? undefined : parseReplacement(text);
}

/** @returns nothing for what is no replacement. */
export function parseReplacement(text: string): Replacement | undefined {
  return readStored(text, ({ id, execution }) => {
    if (typeof id !== 'string' || typeof execution !== 'object' || execution === null) return undefined;
    const { key, name, args, priority, when, addedAt } = execution as Partial<KeyedExecution>;
    const isWhole =
      [key, name, args].every((part) => typeof part === 'string') &&
      readNumber(priority) !== undefined &&
      [when, addedAt].every((time) => time === undefined || readNumber(time) !== undefined);
    return isWhole && key !== '' ? { id, execution: execution as KeyedExecution } : undefined;
  });
}

/** The record of a replacement while the run that it follows goes on. */
export function recordOfReplacement({ id, execution }: Replacement): ExecutionRecord {
  const record = newRecord(id, execution.key, execution, Date.now());
  return { ...record, state: 'parked', reason: FOLLOWS_RUN };
}
