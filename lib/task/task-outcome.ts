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
