import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type RateLimitOptions } from './behaviour-metadata.js';

/**
 * Lets a durable task start at most `limit` times in any time of `per`, in the whole fleet: on a parameter for each of
 * its values, on a method in all. Retries and perpetual runs count as well. What is over it is put off until there is
 * room, in the order in which it came.
 *
 * @param limit from 1.
 * @param options `per`; `drop: true` drops what is over the limit; `scope` and `by` as for `@ConcurrencyLimit()`.
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
