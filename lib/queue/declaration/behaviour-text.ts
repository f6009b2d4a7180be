import type { Behaviour } from '../../decorators/behaviour-metadata.js';
import { parseDuration, type Duration } from '../../task/duration.js';
import { countText, durationText } from '../broker/duration-text.js';
import type { Parameters } from './parameters.js';

/**
 * Renders a limit in words for operators, such as `at most 1 at once for each customerId`; nothing for other behaviours.
 * The options were checked before.
 */
export function behaviourText(behaviour: Behaviour, parameters: Parameters): string | undefined {
  switch (behaviour.type) {
    case 'concurrencyLimit':
      return `at most ${behaviour.options.max} at once${poolText(behaviour, parameters)}`;
    case 'rateLimit': {
      const { limit, per, drop } = behaviour.options;
      const excess = drop === true ? ', drops the rest' : '';
      return `at most ${countText(limit, 'start')} in ${time(per)}${poolText(behaviour, parameters)}${excess}`;
    }
    case 'cooldown':
      return `at most 1 start in ${time(behaviour.options.window)}${poolText(behaviour, parameters)}, drops the rest`;
    case 'debounce': {
      const { window, maxWait } = behaviour.options;
      const latest = maxWait === undefined ? '' : `, ${time(maxWait)} after the first at the latest`;
      return `starts ${time(window)} after the last addition${poolText(behaviour, parameters)}${latest}`;
    }
    default:
      return undefined;
  }
}

type Limited = Extract<Behaviour, { type: 'concurrencyLimit' | 'rateLimit' | 'cooldown' | 'debounce' }>;

function poolText({ parameter, options: { scope, by } }: Limited, parameters: Parameters): string {
  const name = parameter === undefined ? undefined : parameters.nameAt(parameter);
  const path = typeof by === 'string' ? by : undefined;
  const key = typeof by === 'function' ? 'computed key' : [name, path].filter((part) => part !== undefined).join('.');
  const each = key === '' ? '' : ` for each ${key}`;
  return scope === undefined ? each : `${each}, shared in scope ${scope}`;
}

function time(duration: Duration): string {
  return durationText(parseDuration('duration', duration));
}
