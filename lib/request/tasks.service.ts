import type { TaskConfig } from '../task/task-config.js';
import type { Task } from '../task/task.js';
import { TaskSurface } from '../scheduler/task-surface.js';
import type { RequestTasks } from './request-tasks.js';
import type { TaskBatch } from './task-batch.js';

/**
 * Schedules tasks at the right moment of a request. Request-scoped: inject it, or take it with `@Tasks()`, which does
 * not make the controller request-scoped too.
 *
 * @example
 * ```ts
 * @Post()
 * create(@Body() order: CreateOrder, @Tasks() tasks: TasksService) {
 *   tasks.task({ name: 'payment', shield: true }).schedule(this.payments.charge, order.id); // now
 *   tasks.afterRoute.schedule(this.stock.reserve, order.id); // after the handler, before the response
 *   tasks.afterResponse.schedule(this.mail.confirm, order.email); // after the response
 *   return { status: 'processing' };
 * }
 * ```
 * @publicApi
 */
export class TasksService extends TaskSurface {
  private readonly request: RequestTasks;

  /** @internal */
  constructor(request: RequestTasks) {
    super();
    this.request = request;
  }

  /** Starts its tasks when the handler has succeeded, before the response is sent; the response does not wait for them. */
  get afterRoute(): TaskBatch {
    return this.request.afterRoute;
  }

  /** Starts its tasks when the response was sent, or its client has gone, and the handler has ended. */
  get afterResponse(): TaskBatch {
    return this.request.afterResponse;
  }

  /** @internal */
  protected override submit(
    own: TaskConfig | undefined,
    func: (...args: never[]) => unknown,
    args: readonly unknown[],
  ): Task {
    return this.request.start(own, func, args);
  }
}
