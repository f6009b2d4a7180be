import type { TaskConfig } from '../task/task-config.js';
import type { TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import type { Enqueuer } from './enqueuer.js';
import type { EnqueueCall } from './enqueue-call.js';
import type { Execution } from '../queue/execution.js';
import { EnqueuingSurface, type Enqueue } from './enqueuing-surface.js';
import type { TaskBatch } from './task-batch.js';

/** What one request does with tasks of each timing. */
export interface TaskTimings {
  readonly enqueuer: Enqueuer;
  readonly afterRoute: TaskBatch;
  readonly afterResponse: TaskBatch;
  /** At once. */
  start(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task;
  /** At once. */
  enqueue(call: EnqueueCall): Promise<Execution>;
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
 *   tasks.afterRoute.enqueue(this.orders.ship)(order.id); // the same, and the response waits until it is recorded
 *   tasks.afterResponse.schedule(this.mail.confirm, order.email); // after the response
 *   return { status: 'processing' };
 * }
 * ```
 * @publicApi
 */
export class TasksService extends EnqueuingSurface<Enqueue> {
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
  protected override get enqueuer(): Enqueuer {
    return this.timings.enqueuer;
  }

  /** @internal */
  protected override submit(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    return this.timings.start(own, work, args);
  }

  /** @internal */
  protected override submitEnqueue(call: EnqueueCall): Promise<Execution> {
    return this.timings.enqueue(call);
  }
}
