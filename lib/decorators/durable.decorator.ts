import 'reflect-metadata';
import type { Duration } from '../task/duration.js';
import { KnownOptions } from '../task/known-options.js';
import { parseRetention, type RetentionOptions, type RetentionTimes } from '../task/retention.js';
import { RetryPolicy, type RetryOptions } from '../task/retry-policy.js';
import { TasksConfigError } from '../task/task-errors.js';
import { validateTaskConfig, type TaskConfig } from '../task/task-config.js';
import { refuseBare } from './bare-decorator.js';
import { TaskMetadata } from './task-metadata.js';

/**
 * Options of a durable task: those of request tasks that apply in the queue, and its retries.
 *
 * @publicApi
 */
export interface DurableOptions extends Omit<TaskConfig, 'name' | 'runOn' | 'pool'> {
  retry?: RetryOptions | undefined;
  /** Time for which its ended executions can be looked up, instead of the queue's: see `queue: { retention }`. */
  retention?: Duration | RetentionOptions | undefined;
}

/** Compile-time error where a decorator for methods is on something else, such as an accessor. */
export interface RefusedDecoration {
  readonly allowed: 'a method';
}

/**
 * Decorates a method. The compiler refuses it on anything but a function.
 *
 * @publicApi
 */
export interface DurableDecorator {
  <F extends (...args: never[]) => unknown>(
    target: object,
    method: string | symbol,
    descriptor: TypedPropertyDescriptor<F>,
  ): void;
  <T>(target: object, accessor: string | symbol, descriptor: TypedPropertyDescriptor<T>): RefusedDecoration;
  /** Makes it a `MethodDecorator`, for `applyDecorators()`. Other overloads take every decoration before this one. */
  <T>(target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<T>): void;
}

/** Metadata of `@Durable()` on a method. */
export interface DurableMetadata {
  readonly name: string | undefined;
  readonly retry: RetryPolicy;
  readonly retention: Partial<RetentionTimes>;
}

/** Fixed key, so that two copies of this library in one process see each other's decorators. */
const DURABLE = 'nestjs-tasks:durable';

const DURABLE_OPTIONS = new KnownOptions<DurableOptions>(
  { shield: true, onError: true, timeout: true, onCancel: true, asyncContext: true, retry: true, retention: true },
  {
    name: '@Durable(name, options)',
    runOn: 'tasks.task({ runOn }) where it is scheduled in process; in the queue it has no route',
    pool: '@ConcurrencyLimit(max) beside it, or tasks.task({ pool }) where it is scheduled in process',
    shielded: 'shield',
    retries: 'retry: { attempts }, which counts the first attempt too',
    attempts: 'retry: { attempts }',
    delay: 'retry: { delay }; for a later start queue.add(task, { when })',
    backoff: 'retry: { backoff }',
    maxDelay: 'retry: { maxDelay }',
    retryOn: 'retry: { retryOn }',
    removeOnComplete: 'retention: { completed }',
    removeOnFail: 'retention: { failed }',
    when: 'queue.add(task, { when })',
    key: 'queue.add(task, { key })',
    jobId: 'queue.add(task, { key })',
    priority: 'queue.add(task, { priority })',
    concurrency: '@ConcurrencyLimit(max) beside it, or queue: { worker: { concurrency } } in TasksModule.forRoot()',
    limiter: '@RateLimit(limit, { per }) beside it',
    every: '@Perpetual({ every }) beside it',
    cron: '@Perpetual({ cron }) beside it',
    repeat: '@Perpetual({ every }) beside it',
    automatic: '@Perpetual({ every, automatic: true }) beside it',
  },
);

/** Returns the metadata of `@Durable()` on a function. */
export function readDurableMetadata(func: object): DurableMetadata | undefined {
  return Reflect.getOwnMetadata(DURABLE, func) as DurableMetadata | undefined;
}

/** Returns the metadata of a method as its own class declares it, regardless of wrappers around the function. */
export function readMethodDurableMetadata(
  prototype: object,
  method: string,
  func: object,
): DurableMetadata | undefined {
  const byName = Reflect.getOwnMetadata(DURABLE, prototype, method) as DurableMetadata | undefined;
  return byName ?? readDurableMetadata(func);
}

/**
 * Makes a provider's method a durable task: `queue.add(this.orders.process)(id)` records it, and any worker of the
 * fleet runs it, at least once. A direct call, or a schedule in process, runs the method as usual.
 *
 * @param name identity in the broker, which must outlive refactorings. Default: `ClassName.method`.
 * @param options `retry`, `retention`, and `shield`, `onError`, `timeout`, `onCancel`, `asyncContext` as for any task.
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
export function Durable(options?: DurableOptions): DurableDecorator;
export function Durable(name: string, options?: DurableOptions): DurableDecorator;
export function Durable(nameOrOptions: string | DurableOptions = {}, maybeOptions?: DurableOptions): MethodDecorator {
  refuseBare('Durable', arguments);
  const isNamed = typeof nameOrOptions === 'string';
  const options = (isNamed ? maybeOptions : nameOrOptions) ?? {};
  DURABLE_OPTIONS.check(options, '@Durable()');
  validateTaskConfig(options, '@Durable().');
  const { retry, retention, ...config } = options;
  const name = isNamed ? nameOrOptions : undefined;
  if (name === '') throw new TasksConfigError('@Durable() name', name, 'a string that is not empty');
  const metadata: DurableMetadata = {
    name,
    retry: RetryPolicy.of(retry, '@Durable().retry'),
    retention: parseRetention('@Durable().retention', retention),
  };
  return (target, key, descriptor) => {
    const func: unknown = descriptor?.value;
    if (typeof func !== 'function' || typeof target === 'function') {
      const what = typeof func === 'function' ? 'on a static method' : 'not on a method';
      throw new TasksConfigError(`@Durable() on ${String(key)}`, func, 'a method of the instances of a provider', what);
    }
    Reflect.defineMetadata(DURABLE, metadata, func);
    Reflect.defineMetadata(DURABLE, metadata, target, key);
    TaskMetadata('Durable', { ...config, name })(target, key, descriptor);
  };
}
