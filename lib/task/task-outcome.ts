/**
 * Start of a task: at once, after the route handler and before the response, or after the response.
 *
 * @publicApi
 */
export type TaskTiming = 'immediate' | 'afterRoute' | 'afterResponse';

/**
 * State of a task. `succeeded`, `failed`, `cancelled` and `discarded` are final.
 *
 * @publicApi
 */
export type TaskStatus = 'scheduled' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'discarded';

/**
 * Outcome of a task.
 *
 * @publicApi
 */
export type TaskOutcome<R = unknown> =
  | { readonly status: 'succeeded'; readonly value: R }
  | { readonly status: 'failed' | 'cancelled' | 'discarded'; readonly error: unknown };

/**
 * Outcome of a durable execution that another one has waited for, with its name and key.
 *
 * @publicApi
 */
export type ExecutionOutcome<R = unknown> = TaskOutcome<R> & {
  readonly key: string;
  /** Name of the durable task. */
  readonly name: string;
};
