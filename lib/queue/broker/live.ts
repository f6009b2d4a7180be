import type { ExecutionRecord, ExecutionState, LiveState, StoredError } from './record.js';

/** Condition on executions that have not ended: all that is set must hold. */
export interface LiveFilter {
  readonly states?: readonly LiveState[] | undefined;
  /** Name of the task. */
  readonly task?: string | undefined;
  readonly keyPrefix?: string | undefined;
  /** Text in the name or the message of the last error. */
  readonly error?: string | undefined;
  /** Id of the worker that runs it, or was the last to. */
  readonly worker?: string | undefined;
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

interface Listed {
  readonly state: ExecutionState;
  readonly name: string;
  readonly key: string;
  readonly error?: StoredError | undefined;
  readonly worker?: string | undefined;
}

/** Tells whether an execution is one of those that a filter asks for. Its state must be a live one. */
export function matches(execution: Listed, { states, task, keyPrefix, error, worker }: LiveFilter): boolean {
  if (states !== undefined && !(states as readonly string[]).includes(execution.state)) return false;
  if (task !== undefined && execution.name !== task) return false;
  if (keyPrefix !== undefined && !execution.key.startsWith(keyPrefix)) return false;
  if (worker !== undefined && execution.worker !== worker) return false;
  if (error === undefined) return true;
  const known = execution.error;
  return known !== undefined && (known.name.includes(error) || known.message.includes(error));
}

/** Leaves out what a list does not show, and may be large. */
export function summaryOf(record: ExecutionRecord): ExecutionRecord {
  const { result: _result, extras: _extras, ...rest } = record;
  return { ...rest, args: '[]' };
}
