import type { ChainSchedule, EndState, StoredError } from './record.js';

/** End of a run. */
export type Settlement =
  | { readonly type: 'complete'; readonly result: string }
  | { readonly type: 'retry'; readonly at: number; readonly error: StoredError }
  /** New run of the same execution: attempts and crashes count from the start again. */
  | {
      readonly type: 'reschedule';
      readonly at: number;
      readonly args: string;
      /** Error of this run. */
      readonly error?: StoredError;
      /** Reason why this run was skipped. */
      readonly reason?: string;
      readonly schedule?: ChainSchedule;
    }
  | { readonly type: 'fail'; readonly error: StoredError }
  | { readonly type: 'cancel' | 'drop'; readonly reason: string }
  /** Back to the queue, at once or `at` a time, with no attempt lost. */
  | { readonly type: 'release'; readonly at?: number; readonly reason: string; readonly isUnstarted?: true }
  /** Before it was started, until `wake()`. */
  | { readonly type: 'park'; readonly reason: string };

/** Settlement that ends its execution. */
export type EndSettlement = Extract<Settlement, { type: 'complete' | 'fail' | 'cancel' | 'drop' }>;

/** State in which each settlement leaves an execution for good; none where that goes on. */
const ENDS: Readonly<Record<Settlement['type'], EndState | undefined>> = {
  complete: 'completed',
  fail: 'failed',
  cancel: 'cancelled',
  drop: 'dropped',
  retry: undefined,
  reschedule: undefined,
  release: undefined,
  park: undefined,
};

/** Returns the state in which the settlement leaves its execution for good. */
export function endOf({ type }: EndSettlement): EndState;
/** Returns nothing where the execution goes on. */
export function endOf({ type }: Settlement): EndState | undefined;
export function endOf({ type }: Settlement): EndState | undefined {
  return ENDS[type];
}

export function isEnd(settlement: Settlement): settlement is EndSettlement {
  return ENDS[settlement.type] !== undefined;
}
