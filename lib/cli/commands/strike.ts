import type { StrikeOperator } from '../../queue/rules/strike.js';
import { parseTypedValue } from '../../operations/typed-value.js';
import type { ActionResult } from '../../operations/api.js';
import { EXIT, UsageError, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { answer } from './result.js';

interface StrikeCommandOptions {
  readonly reason?: string;
  readonly mode?: 'drop' | 'hold';
  readonly expiresIn?: string;
  readonly yes?: boolean;
}

type Where = [parameter: string, operator: StrikeOperator, value: unknown];

const STRUCK: ActionResult = { result: 'struck' };

export function strike(
  session: Session,
  options: StrikeCommandOptions,
  name: string,
  condition: readonly string[],
): Promise<ExitCode> {
  const task = taskOf(name);
  const where = whereOf(condition);
  if (task === null && where === undefined) {
    throw new UsageError("A strike on '*' needs a condition: PARAMETER OPERATOR VALUE. To stop all tasks, pause.");
  }
  return session.inQueue(async ({ queue, by }) => {
    const { reason, mode = 'drop', expiresIn, yes } = options;
    const target = targetText(name, condition);
    const isWide = task === null || where === undefined;
    const question = `${mode === 'drop' ? 'End' : 'Hold'} all executions of ${target}?`;
    if (isWide && !(await session.isConfirmed(question, { ...(yes !== undefined && { yes }) }))) return EXIT.refused;
    const effect = { mode, by, ...(reason !== undefined && { reason }), ...(expiresIn !== undefined && { expiresIn }) };
    await queue.strike(task as string, where === undefined ? effect : { ...effect, where });
    return answer(session, STRUCK, `Struck: executions of ${target} ${mode === 'drop' ? 'end' : 'are held'}`);
  });
}

export function restore(
  session: Session,
  _options: object,
  name: string,
  condition: readonly string[],
): Promise<ExitCode> {
  const task = taskOf(name);
  const where = whereOf(condition);
  return session.inQueue(async ({ queue }) => {
    const wasThere = await (where === undefined ? queue.restore(task) : queue.restore(task, { where }));
    const target = targetText(name, condition);
    return wasThere
      ? answer(session, { result: 'restored' }, `Restored: executions of ${target} run again`)
      : answer(session, { result: 'not-found' }, `There is no strike on ${target}`, EXIT.refused);
  });
}

function taskOf(name: string): string | null {
  if (name === '') throw new UsageError("The name of the task is empty. Pass a name, or '*' for all tasks.");
  return name === '*' ? null : name;
}

/** @throws {UsageError} {@link InputError} when the condition is not whole. */
function whereOf([parameter, operator, ...texts]: readonly string[]): Where | undefined {
  if (parameter === undefined) return undefined;
  if (operator === undefined || texts.length === 0) {
    throw new UsageError("The condition is not whole. Pass PARAMETER OPERATOR VALUE, as in customerId '==' 12345.");
  }
  const values = texts.map(parseTypedValue);
  if (operator === 'between' || operator === 'in') {
    // A list may come whole, as json:[1,2].
    return [parameter, operator, values.length === 1 && Array.isArray(values[0]) ? values[0] : values];
  }
  if (values.length > 1) throw new UsageError(`Operator ${operator} takes one value, and got ${values.length}.`);
  return [parameter, operator as StrikeOperator, values[0]];
}

function targetText(name: string, [parameter, operator, ...values]: readonly string[]): string {
  const task = name === '*' ? 'all tasks' : name;
  return parameter === undefined ? task : `${task} where ${parameter} ${operator} ${values.join(' ')}`;
}
