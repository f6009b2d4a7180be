import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type ConcurrencyLimitOptions } from './behaviour-metadata.js';

/**
 * Lets at most `max` executions of a durable task run at once, in the whole fleet: on a parameter for each of its
 * values, on a method in all. The others wait, parked, first in first out. Of several limits on one task all hold.
 *
 * @param max from 1.
 * @param options `scope` shares the pool with other tasks, `by` tells what is counted by.
 * @example
 * ```ts
 * @Durable()
 * async export(@ConcurrencyLimit(1) userId: number, @ConcurrencyLimit(3) type: string) {}
 * ```
 * @publicApi
 */
export function ConcurrencyLimit(
  max: number,
  options: ConcurrencyLimitOptions = {},
): MethodDecorator & ParameterDecorator {
  refuseBare('ConcurrencyLimit', arguments);
  return BehaviourMetadata('concurrencyLimit', options, { max });
}
