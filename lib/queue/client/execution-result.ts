import { decodeResult } from '../declaration/payload.js';
import { restoreError } from '../declaration/stored-error.js';
import { ExecutionCancelledError, ExecutionDroppedError } from '../broker/queue-errors.js';
import { REASONS } from '../broker/reasons.js';
import type { ExecutionRecord } from '../broker/record.js';

/** Returns what the task of an ended execution returned, or throws what kept it from that. */
export function resultOf({ key, state, result, error, reason = REASONS.unknown() }: ExecutionRecord): unknown {
  if (state === 'cancelled') throw new ExecutionCancelledError(key, reason);
  if (state === 'dropped') throw new ExecutionDroppedError(key, reason);
  if (error !== undefined && state === 'failed') throw restoreError(error);
  return result === undefined ? undefined : decodeResult(result);
}
