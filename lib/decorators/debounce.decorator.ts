import type { Duration } from '../task/duration.js';
import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type DebounceOptions } from './behaviour-metadata.js';

/**
 * Runs the last execution and drops the others. The task starts when none has become due for `window`, with the
 * arguments of the last one. On a parameter for each of its values, on a method in total.
 *
 * @param window time without a further execution.
 * @param options `maxWait`: longest delay after the first of a burst; `scope` and `by` as for `@ConcurrencyLimit()`.
 * @example
 * ```ts
 * @Durable()
 * async reindex(@Debounce('2s', { maxWait: '30s' }) documentId: string, version: number) {}
 * ```
 * @publicApi
 */
export function Debounce(window: Duration, options: DebounceOptions = {}): MethodDecorator & ParameterDecorator {
  refuseBare('Debounce', arguments);
  return BehaviourMetadata('debounce', options, { window });
}
