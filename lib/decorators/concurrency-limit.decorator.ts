import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type ConcurrencyLimitOptions } from './behaviour-metadata.js';

/**
 * Limits a durable task to `max` running executions, in the whole fleet. On a parameter the limit holds for each value,
 * on a method in total. The others wait, parked, first in first out. Several limits on one task all apply.
 *
 * @param max from 1.
 * @param options `scope` shares the pool with other tasks, `by` sets the key.
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
