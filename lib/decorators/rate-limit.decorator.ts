import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type RateLimitOptions } from './behaviour-metadata.js';

/**
 * Limits a durable task to `limit` starts within any window of `per`, in the whole fleet. On a parameter the limit
 * holds for each value, on a method in total. Retries and perpetual runs count as well. Executions over the limit are
 * delayed until there is room, in their order.
 *
 * @param limit from 1.
 * @param options `per`; `drop: true` drops executions over the limit; `scope` and `by` as for `@ConcurrencyLimit()`.
 * @example
 * ```ts
 * @Durable()
 * async notify(@RateLimit(10, { per: '1m' }) customerId: string) {}
 * ```
 * @publicApi
 */
export function RateLimit(limit: number, options: RateLimitOptions): MethodDecorator & ParameterDecorator {
  refuseBare('RateLimit', arguments);
  return BehaviourMetadata('rateLimit', options, { limit });
}
