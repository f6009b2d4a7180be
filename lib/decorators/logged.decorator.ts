import { refuseBare } from './bare-decorator.js';
import { BehaviourMetadata, type LoggedOptions } from './behaviour-metadata.js';

/**
 * Lets log lines show an argument of a durable task. All others appear as `…`.
 *
 * @param options `lengthOnly`: only its length.
 * @example
 * ```ts
 * @Durable('orders.process')
 * async process(@Logged() customerId: string, card: string, @Logged({ lengthOnly: true }) items: string[]) {}
 * // orders.process(customerId='12345', card=…, items=[len 3])
 * ```
 * @publicApi
 */
export function Logged(options: LoggedOptions = {}): ParameterDecorator {
  refuseBare('Logged', arguments);
  return BehaviourMetadata('logged', options, {});
}
