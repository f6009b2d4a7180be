import type { Observable } from 'rxjs';
import type { Cancellation } from '../broker/broker.js';
import type { ExecutionRecord, ExecutionStatus } from '../broker/record.js';

/** What a look at an execution has shown. */
export type Sighting =
  | { readonly type: 'seen'; readonly status: ExecutionStatus }
  /** The queue does not know it any more. */
  | { readonly type: 'forgotten' }
  /** The broker does not answer, and nothing has been seen yet; or the application has shut down. */
  | { readonly type: 'unreachable'; readonly error: unknown };

/** One execution, in all that the broker is asked about it. */
export type ExecutionName = Pick<ExecutionRecord, 'id' | 'key' | 'name'>;

/** Where an execution finds out what became of it. */
export interface ExecutionSource {
  /** Emits when the application shuts down, before it waits for its open requests. */
  readonly closing$: Observable<void>;
  find(execution: ExecutionName): Promise<ExecutionStatus | undefined>;
  /** Looks now, and again whenever there is news. Completes with the end of the execution or the application. */
  watch(execution: ExecutionName): Observable<Sighting>;
  cancel(key: string, reason: string, execution?: ExecutionName): Promise<Cancellation>;
  /** @throws {TaskWaitError} when nobody would run it as long as somebody waits here. */
  checkWait(execution: ExecutionName): Promise<void> | undefined;
  /** Why nobody runs it, where that is for want of a worker. */
  reasonToWait(execution: ExecutionName): Promise<string | undefined>;
}
