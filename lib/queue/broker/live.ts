import type { ExecutionRecord, LiveState } from './record.js';
import type { RecordFilter } from './record-filter.js';

/** Condition on executions that have not ended: all that is set must hold. */
export interface LiveFilter extends RecordFilter {
  readonly states?: readonly LiveState[] | undefined;
}

/** Part of a list of executions that have not ended. */
export interface LiveLook {
  readonly limit: number;
  /** End of the part before this one, as the broker has told it. */
  readonly cursor?: string | undefined;
}

export interface LivePage {
  /** Running ones, then waiting ones in the order of claims, then the others by time. `args` is `'[]'`, results are left out. */
  readonly records: readonly ExecutionRecord[];
  /** Beginning of the next part; nothing after the last one. A part may be short, or empty, with more to come. */
  readonly cursor?: string;
}

/** Place of an execution in the order of a list. Numbers and id mean what the broker wants them to. */
export interface LivePosition {
  readonly place: number;
  readonly order: number;
  readonly tie: number;
  readonly id: string;
}

const POSITION = /^(\d):(-?[\d.]{1,20}):(-?[\d.]{1,20}):([\w-]*)$/;
/** Greatest number of a position: a database has eight bytes for it. */
const MOST = 2 ** 60;

export function writeLivePosition({ place, order, tie, id }: LivePosition): string {
  return `${place}:${order}:${tie}:${id}`;
}

/** @returns nothing for what is no cursor. */
export function readLivePosition(cursor: string): LivePosition | undefined {
  const [, place, order, tie, id = ''] = POSITION.exec(cursor) ?? [];
  const position = { place: Number(place), order: Number(order), tie: Number(tie), id };
  return [position.place, position.order, position.tie].every((one) => Math.abs(one) <= MOST) ? position : undefined;
}

/** Leaves out what a list does not show, and may be large. */
export function summaryOf(record: ExecutionRecord): ExecutionRecord {
  const { result: _result, extras: _extras, ...rest } = record;
  return { ...rest, args: '[]' };
}
