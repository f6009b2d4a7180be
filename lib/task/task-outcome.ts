/**
 * When a task starts: at once, after the route handler and before the response, or after the response.
 *
 * @publicApi
 */
export type TaskTiming = 'immediate' | 'afterRoute' | 'afterResponse';

/**
 * Where a task stands. `succeeded`, `failed`, `cancelled` and `discarded` are final.
 *
 * @publicApi
 */
export type TaskStatus = 'scheduled' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'discarded';

/**
 * How a task ended.
 *
 * @publicApi
 */
export type TaskOutcome<R = unknown> =
  | { readonly status: 'succeeded'; readonly value: R }
  | { readonly status: 'failed' | 'cancelled' | 'discarded'; readonly error: unknown };

/**
 * How a durable execution ended that another one has waited for: as a task's outcome, and which execution it was.
 *
 * @publicApi
 */
export type ExecutionOutcome<R = unknown> = TaskOutcome<R> & {
  readonly key: string;
  /** The task's. */
  readonly name: string;
};
