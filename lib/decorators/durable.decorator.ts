import 'reflect-metadata';
import { RetryPolicy, type RetryOptions } from '../task/retry-policy.js';
import { TasksConfigError } from '../task/task-errors.js';
import { validateTaskConfig, type TaskConfig } from '../task/task-config.js';
import { TaskMetadata } from './task-metadata.js';

/**
 * The options of a durable task: those of any task, and how it is retried.
 *
 * @publicApi
 */
export interface DurableOptions extends TaskConfig {
  retry?: RetryOptions | undefined;
}

/** What `@Durable()` leaves on a method. */
export interface DurableMetadata {
  readonly name: string | undefined;
  readonly retry: RetryPolicy;
}

/** A fixed key, so that two copies of this library in one process see each other's decorators. */
const DURABLE = 'nestjs-tasks:durable';

export function readDurableMetadata(func: object): DurableMetadata | undefined {
  return Reflect.getOwnMetadata(DURABLE, func) as DurableMetadata | undefined;
}

/**
 * Makes a provider's method a durable task: `queue.add(this.orders.process)(id)` records it, and any worker of the fleet
 * runs it, at least once. Called directly, or scheduled in process, it stays the method that it is.
 *
 * @param name its identity in the broker, which must outlive refactorings. Default: `ClassName.method`.
 * @param options `retry`, and `shield`, `onError`, `timeout` as for any task.
 * @throws {TasksConfigError} when an option cannot be used.
 * @example
 * ```ts
 * @Injectable()
 * export class OrderTasks {
 *   @Durable('orders.process', { retry: { attempts: 5, delay: '1s' }, timeout: '30s' })
 *   async process(orderId: string) {}
 * }
 * ```
 * @publicApi
 */
export function Durable(options?: DurableOptions): MethodDecorator;
export function Durable(name: string, options?: DurableOptions): MethodDecorator;
export function Durable(nameOrOptions: string | DurableOptions = {}, maybeOptions?: DurableOptions): MethodDecorator {
  const isNamed = typeof nameOrOptions === 'string';
  const options = (isNamed ? maybeOptions : nameOrOptions) ?? {};
  validateTaskConfig(options, '@Durable().');
  const { retry, ...config } = options;
  const name = isNamed ? nameOrOptions : (config.name ?? undefined);
  if (name === '') throw new TasksConfigError('@Durable() name', name, 'a string that is not empty');
  const metadata: DurableMetadata = { name, retry: RetryPolicy.of(retry, '@Durable().retry') };
  return (target, key, descriptor) => {
    const func: unknown = descriptor?.value;
    if (typeof func !== 'function') {
      throw new TasksConfigError(`@Durable() on ${String(key)}`, func, 'a method');
    }
    Reflect.defineMetadata(DURABLE, metadata, func);
    TaskMetadata({ ...config, name })(target, key, descriptor);
  };
}
