import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata } from './behaviour-metadata.js';

/**
 * Names a parameter of a durable task for strikes and log lines, where a build changes the names in the source.
 * Default: the name in the source.
 *
 * @example
 * ```ts
 * @Durable()
 * async process(@Arg('customerId') customerId: string) {}
 * ```
 * @publicApi
 */
export function Arg(name: string): ParameterDecorator {
  refuseBare('Arg', arguments);
  return BehaviourMetadata('arg', {}, { name });
}
