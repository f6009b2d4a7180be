import { validateTaskConfig } from '../task/task-config.js';
import { refuseBare } from './bare-decorator.js';
import { TaskMetadata } from './task-metadata.js';

/**
 * Shields tasks from shutdown. On a task method: wherever that method is scheduled. On a route handler or a controller:
 * the default of every task scheduled in it. On a provider class: the default of its methods.
 *
 * @param shield `false` clears the value of a weaker layer. Default `true`.
 * @throws {TasksConfigError} when `shield` is not a boolean, or the target is neither a method nor a class.
 * @example
 * ```ts
 * @Injectable()
 * export class PaymentTasks {
 *   @Shielded()
 *   async finalize(id: string) {}
 * }
 * ```
 * @publicApi
 */
export function Shielded(shield = true): ClassDecorator & MethodDecorator {
  refuseBare('Shielded', arguments);
  validateTaskConfig({ shield }, '@Shielded().');
  return TaskMetadata('Shielded', { shield });
}
