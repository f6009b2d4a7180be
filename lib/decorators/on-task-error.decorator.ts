import { TasksConfigError } from '../task/task-errors.js';
import { validateTaskConfig } from '../task/task-config.js';
import { refuseBare } from './bare-decorator.js';
import { TaskMetadata } from './task-metadata.js';
import type { OnTaskErrorOption } from '../task/task.js';

/**
 * Handles the errors of tasks. On a task method: wherever that method is scheduled. On a route handler or a controller:
 * the default of every task scheduled in it. On a provider class: the default of its methods.
 *
 * @param handler a function `(task, error)`, a provider class with `onTaskError(task, error)`, or `null` to clear
 * the value of a weaker layer.
 * @throws {TasksConfigError} when `handler` is none of these, or the target is neither a method nor a class.
 * @example
 * ```ts
 * @Injectable()
 * export class PaymentTasks {
 *   @OnTaskError(RefundPayment)
 *   async finalize(id: string) {}
 * }
 * ```
 * @publicApi
 */
export function OnTaskError(handler: OnTaskErrorOption | null): ClassDecorator & MethodDecorator {
  if (arguments.length > 1) refuseBare('OnTaskError', arguments); // on a class, it was called with a class
  if (handler === undefined) throw new TasksConfigError('@OnTaskError()', handler, 'a handler, or null for none');
  validateTaskConfig({ onError: handler }, '@OnTaskError().');
  return TaskMetadata('OnTaskError', { onError: handler });
}
