import { describeValue, TasksError } from '../task/task-errors.js';

/**
 * `TasksService` was injected where there is no request that it could belong to: outside of any, into a durable provider,
 * which many requests share, or into a gateway.
 *
 * @publicApi
 */
export class NoRequestError extends TasksError {
  readonly code = 'NO_REQUEST';

  /** @param request what Nest has as REQUEST. */
  constructor(request?: unknown) {
    super(
      request === undefined || request === null
        ? 'TasksService belongs to one request, and it was asked for outside of one, or in a durable provider whose ContextIdStrategy has no payload. Inject TaskScheduler instead: it is a singleton with the same schedule() and task(). In a request, take the service with @Tasks() in the handler.'
        : `TasksService belongs to one request, and REQUEST is ${describeValue(request)} here, which is none: it was injected into a durable provider, which all requests of a tenant share, into a gateway, or into a GraphQL resolver of an application with a ContextIdStrategy. Take it with @Tasks() in the handler, or inject TaskScheduler.`,
    );
  }
}

/**
 * A batch of a message was asked for before the message has reached its handler, where nothing would tell that its moment
 * has come.
 *
 * @publicApi
 */
export class NoRouteError extends TasksError {
  readonly code = 'NO_ROUTE';

  constructor() {
    super(
      'afterRoute and afterResponse were asked for before the message has reached its handler: in a guard, in the constructor of a request-scoped provider, or in a hybrid application whose microservice was connected without { inheritAppConfig: true }. Nothing would tell when a guard denies the message. Use schedule(), which starts at once, or schedule in the handler.',
    );
  }
}

/**
 * `afterRoute.enqueue()` was called where the response cannot wait for the queue: the handler replies through `@Res()`,
 * streams server-sent events, or has begun to answer.
 *
 * @publicApi
 */
export class ReplyUnderwayError extends TasksError {
  readonly code = 'REPLY_UNDERWAY';

  constructor() {
    super(
      'afterRoute.enqueue() holds the response back until the queue has accepted, and here it cannot: the handler answers by itself, through @Res() or server-sent events, has answered already, or this is no handler but a guard or a field resolver of GraphQL. Await tasks.enqueue(task)(…) before replying.',
    );
  }
}
