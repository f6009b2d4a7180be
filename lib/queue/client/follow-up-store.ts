/** Store of follow-ups, for clients. */
import type { AwaitedExecution, ExecutionRecord } from '../broker/record.js';
export abstract class FollowUpStore {
  /**
   * Writes down what an execution waits for, before it is added: ends are noted from then on.
   *
   * @param ended those of which it is known already how they ended, by their place in the list.
   */
  abstract expect(
    key: string,
    after: readonly AwaitedExecution[],
    ended: ReadonlyMap<number, ExecutionRecord>,
  ): Promise<void>;
  /** Erases what was written down of an execution that was not added after all. */
  abstract forget(key: string, after: readonly AwaitedExecution[]): Promise<void>;
  /** Notes the end of an execution that is about to be cancelled: no worker may be there to see it. */
  abstract foretellCancellation(execution: Pick<AwaitedExecution, 'id'>, reason: string): Promise<void>;
  /** Looks for ends that were missed. */
  abstract sweep(): Promise<void>;
}
