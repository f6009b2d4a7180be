import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type PerpetualOptions } from './behaviour-metadata.js';

/**
 * Makes a method a durable task that runs for ever. After each run, successful or not, the same execution is scheduled
 * again, under the same key. Implies `@Durable()`, and may stand beside it for a name and other options.
 *
 * Within a run, `context.perpetual` cancels further runs, or changes their time or arguments.
 *
 * @param options `every` or `cron`, `tz`, `automatic`. An unusable value stops the application's start.
 * @example
 * ```ts
 * @Perpetual({ every: '1m', automatic: true })
 * async findPending() {}
 * ```
 * @publicApi
 */
export function Perpetual(options: PerpetualOptions = {}): MethodDecorator {
  refuseBare('Perpetual', arguments);
  return BehaviourMetadata('perpetual', options, {});
}
