import { describeType } from '../task/task-errors.js';
import { TasksUsageError } from '../task/usage-errors.js';

/**
 * `TasksService` was injected where there is no request that it could belong to: outside of any, into a durable provider,
 * which many requests share, or into a gateway.
 *
 * @param request what Nest has as REQUEST.
 */
export function noRequest(request?: unknown): TasksUsageError {
  return new TasksUsageError(
    'NO_REQUEST',
    request === undefined || request === null
      ? 'TasksService belongs to one request, and there is none here: it was asked for outside of one, or in a durable provider whose ContextIdStrategy has no payload. Inject TaskScheduler instead: it is a singleton with the same schedule() and task(). In a request, take the service with @Tasks() in the handler.'
      : `TasksService belongs to one request, and REQUEST is ${describeType(request)} here, which has no response: a durable provider's payload, a gateway's client, the AsyncContext of a CQRS handler, a resolver of an application with a ContextIdStrategy, or an object that was registered for a job. Take the service with @Tasks() in the handler and hand it on, or inject TaskScheduler.`,
  );
}

/**
 * A batch was asked for where nothing tells that its moment has come: before a message has reached its handler, or, for
 * `afterRoute.enqueue()`, in a route without `@Tasks()`.
 */
export function noRoute(of: 'message' | 'request'): TasksUsageError {
  return new TasksUsageError(
    'NO_ROUTE',
    of === 'message'
      ? 'afterRoute and afterResponse were asked for before the message has reached its handler: in a guard, or in the constructor of a request-scoped provider. Nothing would tell when a guard denies the message. Use schedule(), which starts at once, or schedule in the handler.'
      : 'afterRoute.enqueue() was called in a route whose handler neither has @Tasks() nor is request-scoped, so the response cannot wait for the queue. Add the parameter @Tasks() tasks: TasksService to the handler, or await tasks.enqueue(task)(…).',
  );
}

/**
 * `afterRoute.enqueue()` was called where the response cannot wait for the queue: the handler replies through `@Res()`,
 * streams server-sent events, or has begun to answer.
 */
export function replyUnderway(): TasksUsageError {
  return new TasksUsageError(
    'REPLY_UNDERWAY',
    'afterRoute.enqueue() holds the response back until the queue has accepted, and here it cannot: the handler answers by itself, through @Res() or server-sent events, has answered already, or this is no handler but a guard or a field resolver of GraphQL. Await tasks.enqueue(task)(…) before replying.',
  );
}
