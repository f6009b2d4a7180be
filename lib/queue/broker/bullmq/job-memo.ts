import type { JobJson } from 'bullmq';

import { readEndState, readError, readNumber, readSchedule, readStored, readString, readTrail } from '../stored.js';
import type { ChainSchedule, EndState, StoredError, Trail } from '../record.js';

/**
 * Notes of the last run for the next one, or how it ended. They are kept in the job's `failedReason`: the only field
 * that BullMQ writes in the same step in which it moves the job, under the same lease, on Redis and on PostgreSQL.
 */
export interface Memo {
  /** Time since which the execution is due, or will be. */
  readonly when?: number;
  /** Time at which the run was due at first, where it differs. */
  readonly since?: number;
  /** Arguments of the next run, where they differ from the added ones. */
  readonly args?: string;
  readonly run?: number;
  /** BullMQ goes on counting over all runs of an execution: what had been counted when this one began. */
  readonly attemptsBefore?: number;
  readonly crashesBefore?: number;
  /** BullMQ counts claims: how many of them were no starts. */
  readonly unstarted?: number;
  /** BullMQ's count of lost leases when this was written: a greater one means that one was lost since. */
  readonly lost?: number;
  readonly isParked?: boolean;
  readonly state?: EndState;
  readonly error?: StoredError;
  readonly reason?: string;
  readonly trail?: Trail;
  /** Text of the memo that the last run had left, where it was cancelled while it waited. */
  readonly before?: string;
  /** Schedule in force, where it differs from the added one. */
  readonly schedule?: ChainSchedule;
}

/** Text of a memo. Its arguments come last: lists read its beginning only. */
export function memoText({ args, ...memo }: Memo): string {
  return JSON.stringify({ ...memo, ...(args !== undefined && { args }) });
}

/** Text of the memo of a failed job: its group comes first, where scripts and an index find it. */
export function failureMemo(group: string, memo: Memo): string {
  return memoText({ group, ...memo } as Memo);
}

/** Beginnings of arguments in a memo, and in one within a memo, with what ends the memo behind them. */
const ENDINGS = [
  { beginning: '"args":"', ending: '"}' },
  { beginning: '\\"args\\":\\"', ending: '\\"}"}' },
] as const;

/** Makes a memo of its beginning, which ends within its arguments. */
export function mendMemo(text: string): string {
  if (isJson(text)) return text;
  for (const { beginning, ending } of ENDINGS) {
    const at = text.lastIndexOf(beginning);
    if (at !== -1) return text.slice(0, at) + beginning + ending;
  }
  return text;
}

function isJson(text: string): boolean {
  return text === '' || readStored(text, () => true) === true;
}

/** Empty until the first run has ended, where BullMQ has failed the job by itself, and where it cannot be read. */
export function memoOf({ failedReason }: JobJson): Memo {
  if (typeof failedReason !== 'string' || !failedReason.startsWith('{')) return {};
  const { before, ...memo } = readStored(failedReason, readMemo) ?? {};
  if (before === undefined) return memo;
  const { isParked: _isParked, ...last } = readStored(before, readMemo) ?? {};
  return { ...last, ...memo };
}

function readMemo(fields: Readonly<Record<string, unknown>>): Memo {
  const memo: Record<string, unknown> = {
    isParked: fields['isParked'] === true ? true : undefined,
    args: readString(fields['args']),
    before: readString(fields['before']),
    reason: readString(fields['reason']),
    state: readEndState(fields['state']),
    error: readError(fields['error']),
    schedule: readSchedule(fields['schedule']),
    trail: readTrail(fields['trail']),
  };
  for (const field of ['when', 'since', 'run', 'attemptsBefore', 'crashesBefore', 'unstarted', 'lost']) {
    memo[field] = readNumber(fields[field]);
  }
  return Object.fromEntries(Object.entries(memo).filter(([, value]) => value !== undefined));
}
