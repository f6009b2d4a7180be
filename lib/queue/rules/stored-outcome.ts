import type { ExecutionOutcome } from '../../task/task-outcome.js';

import { ExecutionCancelledError, ExecutionDroppedError, ExecutionNotFoundError } from '../broker/queue-errors.js';
import { endOf, isEnd, type Settlement } from '../broker/settlement.js';
import { readEndState, readError, readString } from '../broker/stored.js';
import { decodeResult } from '../declaration/payload.js';
import { restoreError } from '../declaration/stored-error.js';
import {
  isEnded,
  type AwaitedExecution,
  type EndState,
  type ExecutionStatus,
  type StoredError,
} from '../broker/record.js';

/** Outcome of an execution, as it is stored for the one that follows. */
export interface StoredOutcome {
  /** `forgotten`: it has ended, and nobody remembers how. */
  readonly state: EndState | 'forgotten';
  readonly result?: string;
  readonly error?: StoredError;
  readonly reason?: string;
  /** Written before the settlement, which may fail: true only where the execution is gone by now. */
  readonly isForetold?: true;
}

export function outcomeOf({ state, result, error, reason }: ExecutionStatus): StoredOutcome {
  return {
    state: isEnded(state) ? state : 'forgotten',
    ...(result !== undefined && { result }),
    ...(error !== undefined && { error }),
    ...(reason !== undefined && { reason }),
  };
}

export function readOutcome({
  state,
  result,
  error,
  reason,
  isForetold,
}: Readonly<Record<string, unknown>>): StoredOutcome | undefined {
  const known = state === 'forgotten' ? state : readEndState(state);
  if (known === undefined) return undefined;
  const [text, why, failure] = [readString(result), readString(reason), readError(error)];
  return {
    state: known,
    ...(text !== undefined && { result: text }),
    ...(failure !== undefined && { error: failure }),
    ...(why !== undefined && { reason: why }),
    ...(isForetold === true && { isForetold }),
  };
}

export function settledOutcome(settlement: Settlement): StoredOutcome | undefined {
  if (!isEnd(settlement)) return undefined;
  const { type: _type, ...how } = settlement;
  return { state: endOf(settlement), ...how };
}

export function toOutcome(
  { key, name }: AwaitedExecution,
  { state, result, error, reason = '' }: StoredOutcome,
): ExecutionOutcome {
  switch (state) {
    case 'completed':
      return { key, name, ...valueOf(result) };
    case 'failed':
      return { key, name, status: 'failed', error: error && restoreError(error) };
    case 'cancelled':
      return { key, name, status: 'cancelled', error: new ExecutionCancelledError(key, reason) };
    case 'dropped':
      return { key, name, status: 'discarded', error: new ExecutionDroppedError(key, reason) };
    case 'forgotten':
      return { key, name, status: 'failed', error: new ExecutionNotFoundError(key) };
  }
}

/** Returns the outcome of a completed execution. A result that could not be stored is an error for its readers. */
function valueOf(
  result: string | undefined,
): { status: 'succeeded'; value: unknown } | { status: 'failed'; error: unknown } {
  try {
    return { status: 'succeeded', value: result === undefined ? undefined : decodeResult(result) };
  } catch (error) {
    return { status: 'failed', error };
  }
}
