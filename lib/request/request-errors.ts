import { describeType } from '../task/task-errors.js';
import { TasksUsageError } from '../task/usage-errors.js';

/**
 * Creates the error for `TasksService` without a request: outside of any, in a durable provider, which many requests
 * share, or in a gateway.
 *
 * @param request Nest's REQUEST.
 */
export function noRequest(request?: unknown): TasksUsageError {
  return new TasksUsageError(
    'NO_REQUEST',
    request === undefined || request === null
      ? 'TasksService belongs to one request, and no request is active here. Inject TaskScheduler, a singleton with the same schedule() and task(). In a request, take the service with @Tasks() in the handler. See docs/transports.md#durable-providers.'
      : `TasksService belongs to one request. REQUEST is ${describeType(request)} here, without a response, such as a durable provider's payload, a gateway's client or a job. Take the service with @Tasks() in the handler and pass it on, or inject TaskScheduler. See docs/transports.md#durable-providers.`,
  );
}

/**
 * Creates the error for a batch whose moment cannot be observed: before a message has reached its handler, or in a
 * route without `@Tasks()`.
 */
export function noRoute(of: 'message' | 'request'): TasksUsageError {
  return new TasksUsageError(
    'NO_ROUTE',
    of === 'message'
      ? 'afterRoute and afterResponse are not available before the message has reached its handler, for example in a guard. Use schedule(), or call them in the handler. See docs/transports.md#guards.'
      : 'afterRoute.enqueue() is not available in a handler without @Tasks(): its response cannot wait for the queue. Add the parameter @Tasks() tasks: TasksService, or await tasks.enqueue(task)(…). See docs/timing.md#where-the-tasks-are-found.',
  );
}

/**
 * Creates the error for `afterRoute.enqueue()` where the response cannot wait: the handler replies
 * through `@Res()`, streams server-sent events, or has begun to answer.
 */
export function replyUnderway(): TasksUsageError {
  return new TasksUsageError(
    'REPLY_UNDERWAY',
    'afterRoute.enqueue() cannot hold this response back. The response has begun, or leaves through @Res() or server-sent events, or the call is outside of a handler. Await tasks.enqueue(task)(…) before replying. See docs/transports.md#which-rule-holds-where.',
  );
}
