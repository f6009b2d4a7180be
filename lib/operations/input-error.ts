import { labelText } from '../task/log-text.js';
import { TasksError } from '../task/task-errors.js';

/** Input of an operator that cannot be used: in a request to the dashboard, or on the command line. */
export class InputError extends TasksError {
  readonly code = 'INPUT';

  /**
   * @param input name of the parameter or option.
   * @param allowed continues `Pass …`.
   */
  constructor(
    readonly input: string,
    value: unknown,
    allowed: string,
  ) {
    super(`${input} is ${shown(value)}. Pass ${allowed}.`);
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'empty' : `'${labelText(value)}'`;
  return value === undefined ? 'missing' : value === null || typeof value !== 'object' ? String(value) : 'an object';
}
