import type { Duration } from '../task/duration.js';
import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type PoolOptions } from './behaviour-metadata.js';

/**
 * Runs the first and drops the others: once a durable task has started, executions that come up within `window` are
 * dropped; on a parameter for each of its values, on a method in all. Its own retries are not.
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
