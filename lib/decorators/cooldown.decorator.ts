import type { Duration } from '../task/duration.js';
import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type PoolOptions } from './behaviour-metadata.js';

/**
 * Runs the first execution and drops the others: once a durable task has started, executions that become due within
 * `window` are dropped. On a parameter for each of its values, on a method in total. Retries are not dropped.
 *
 * @param window counted from the start.
 * @param options `scope` and `by` as for `@ConcurrencyLimit()`.
 * @example
 * ```ts
 * @Durable()
 * async refresh(@Cooldown('30s') accountId: string) {}
 * ```
 * @publicApi
 */
export function Cooldown(window: Duration, options: PoolOptions = {}): MethodDecorator & ParameterDecorator {
  refuseBare('Cooldown', arguments);
  return BehaviourMetadata('cooldown', options, { window });
}
