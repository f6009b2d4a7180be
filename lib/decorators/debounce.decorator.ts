import type { Duration } from '../task/duration.js';
import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type DebounceOptions } from './behaviour-metadata.js';

/**
 * Drops the others and runs the last: a durable task starts when no execution has come up for `window`, with the
 * arguments of the last one; on a parameter for each of its values, on a method in all.
 *
 * @param window how long it must have been quiet.
 * @param options `maxWait`: at the latest so long after the first of a row; `scope` and `by` as for `@ConcurrencyLimit()`.
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
