import type { Observable } from 'rxjs';
import type { Cancellation } from '../broker/broker.js';
import type { ExecutionRecord, ExecutionStatus } from '../broker/record.js';

/** Result of a look at an execution. */
export type Sighting =
  | { readonly type: 'seen'; readonly status: ExecutionStatus }
  /** Execution that the queue does not know any more. */
  | { readonly type: 'forgotten' }
  /** Broker that does not answer before anything was seen, or application that has shut down. */
  | { readonly type: 'unreachable'; readonly error: unknown };

/** Names of one execution for the broker. */
export type ExecutionName = Pick<ExecutionRecord, 'id' | 'key' | 'name' | 'isUncommitted'>;

/** Source of news for an execution's handle. */
export interface ExecutionSource {
  /** Emits when the application shuts down, before it waits for its open requests. */
  readonly closing$: Observable<void>;
  find(execution: ExecutionName): Promise<ExecutionStatus | undefined>;
  /** Looks now, and again whenever there is news. Completes with the end of the execution or the application. */
  watch(execution: ExecutionName): Observable<Sighting>;
  /** Returns what its runs have logged, as it is stored. */
  logs(execution: ExecutionName): Promise<string | undefined>;
  cancel(key: string, reason: string, execution?: ExecutionName): Promise<Cancellation>;
  /** @throws {TaskWaitError} when nobody would run it as long as somebody waits here. */
  checkWait(execution: ExecutionName): Promise<void> | undefined;
  /** Returns the remedy, if no worker can run the execution. */
  reasonToWait(execution: ExecutionName): Promise<string | undefined>;
}
