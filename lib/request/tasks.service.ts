import type { TaskConfig } from '../task/task-config.js';
import type { TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import { TaskSurface } from '../scheduler/task-surface.js';
import type { TaskBatch } from './task-batch.js';

/** What one request does with tasks of each timing. */
export interface TaskTimings {
  readonly afterRoute: TaskBatch;
  readonly afterResponse: TaskBatch;
  /** At once. */
  start(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task;
}

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
  private readonly timings: TaskTimings;

  /** @internal */
  constructor(timings: TaskTimings) {
    super();
    this.timings = timings;
  }

  /** Starts its tasks when the handler has succeeded, before the response is sent; the response does not wait for them. */
  get afterRoute(): TaskBatch {
    return this.timings.afterRoute;
  }

  /** Starts its tasks when the response was sent, or its client has gone, and the handler has ended. */
  get afterResponse(): TaskBatch {
    return this.timings.afterResponse;
  }

  /** @internal */
  protected override submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    return this.timings.start(own, work, args);
  }
}
