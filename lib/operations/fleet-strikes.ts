import type { Strike, StrikeOperator } from '../queue/rules/strike.js';
import type { StrikeTargetBody, StrikeView } from './api.js';
import { InputError } from './input-error.js';
import { parseTypedValue, typedValueText } from './typed-value.js';

/** Parts of a strike as `queue.strike()` and `queue.restore()` take them. */
export interface StrikeParts {
  readonly task: string | null;
  readonly where: readonly [parameter: string, operator: StrikeOperator, value: unknown] | undefined;
}

export function strikeViewOf(strike: Strike): StrikeView {
  const { task, parameter, operator, value, mode, reason, by, since, expiresAt } = strike;
  return {
    task,
    ...(parameter !== undefined && {
      parameter,
      ...(operator !== undefined && { operator }),
      value: typedValueText(value),
    }),
    text: strikeText(strike),
    mode,
    ...(reason !== undefined && { reason }),
    ...(by !== undefined && { by }),
    since: since.toISOString(),
    ...(expiresAt !== undefined && { expiresAt: expiresAt.toISOString() }),
  };
}

/**
 * Reads a strike from its texts. The queue checks the operator, and whether it takes the value.
 *
 * @throws {InputError} when the value cannot be read, or part of a condition is missing.
 */
export function strikePartsOf({ task, parameter, operator, value }: StrikeTargetBody): StrikeParts {
  if (parameter === undefined) {
    if (operator !== undefined || value !== undefined) {
      throw new InputError('parameter', parameter, 'the name of a parameter before an operator and a value');
    }
    return { task, where: undefined };
  }
  if (operator === undefined) throw new InputError('operator', operator, 'one of == != < <= > >= between in');
  if (value === undefined) throw new InputError('value', value, 'the value that the argument is compared with');
  return { task, where: [parameter, operator as StrikeOperator, parseTypedValue(value)] };
}

function strikeText({ task, parameter, operator, value }: Strike): string {
  const tasks = task ?? 'all tasks';
  if (parameter === undefined) return tasks;
  const shown =
    typeof value === 'string' ? `'${value}'` : typedValueText(value).replace(/^(int|number|bool|date|json|text):/, '');
  return `${tasks} where ${parameter} ${operator} ${shown}`;
}
