import { createHash } from 'node:crypto';
import { describeValue } from '../../task/task-errors.js';
import { REASONS } from '../broker/reasons.js';
import { readNumber, readStored, readString } from '../broker/stored.js';
import { decodeArgs, encodeArgs } from '../declaration/payload.js';
import { TaskArgumentError } from '../broker/queue-errors.js';
import { canonical } from '../declaration/values/canonical.js';
import { kindOf } from '../declaration/values/value-kind.js';

/**
 * Comparison of an argument with the value of a strike. `between` is inclusive and takes `[low, high]`, `in` takes a list.
 *
 * @publicApi
 */
export type StrikeOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'between' | 'in';

const OPERATORS: readonly unknown[] = ['==', '!=', '<', '<=', '>', '>=', 'between', 'in'] satisfies StrikeOperator[];

/**
 * Condition of a strike on an argument, such as `['amount', '>', 10_000]`.
 *
 * @publicApi
 */
export type StrikeCondition = readonly [parameter: string, operator: StrikeOperator, value: unknown];

/**
 * Executions that must not run for now.
 *
 * @publicApi
 */
export interface Strike {
  /** Name of the task; `null` for all tasks. */
  readonly task: string | null;
  /** `undefined` for all executions of the task. */
  readonly parameter: string | undefined;
  readonly operator: StrikeOperator | undefined;
  readonly value: unknown;
  /** `drop` ends them, `hold` parks them until the strike is restored. */
  readonly mode: 'drop' | 'hold';
  readonly reason: string | undefined;
  /** Person or program that has made it. Absent where `strike()` was not told. */
  readonly by?: string;
  readonly since: Date;
  /** End of the strike; `undefined`: never. */
  readonly expiresAt: Date | undefined;
}

/** Executions that are meant: they identify a strike. */
export type StrikeTarget = Pick<Strike, 'task' | 'parameter' | 'operator' | 'value'>;

/** Parameter, operator and value, as a user passes them. */
type Condition = readonly [parameter: unknown, operator: unknown, value: unknown];

/** Strike as it is stored. Times are in milliseconds since the epoch. */
interface StoredStrike {
  /** Encoded: task, parameter, operator, value. */
  readonly target: string;
  readonly mode: 'drop' | 'hold';
  readonly reason?: string;
  readonly by?: string;
  readonly since: number;
  readonly expiresAt?: number;
}

/**
 * @throws {TaskArgumentError} when nothing can be meant by it.
 */
export function strikeTarget(
  where: string,
  task: string | null,
  parameter: unknown,
  operator: unknown,
  value: unknown,
): StrikeTarget {
  if (parameter === undefined || parameter === null) {
    if (task === null) {
      throw new TaskArgumentError(where, 'parameter', parameter, 'the name of a parameter where the task is null');
    }
    return { task, parameter: undefined, operator: undefined, value: undefined };
  }
  if (typeof parameter !== 'string' || parameter === '') {
    throw new TaskArgumentError(where, 'parameter', parameter, 'the name of a parameter');
  }
  if (!OPERATORS.includes(operator)) {
    throw new TaskArgumentError(where, 'operator', operator, OPERATORS.join(', '));
  }
  const known = operator as StrikeOperator;
  checkValue(where, known, value);
  return { task, parameter, operator: known, value };
}

/**
 * Chooses between the two forms of a call: parameter, operator and value before the options, or `where` in them.
 *
 * @throws {TaskArgumentError} when both are given, or `where` is no condition.
 */
export function conditionOf(call: string, positions: Condition, where: unknown): Condition {
  if (where === undefined) return positions;
  if (positions[0] !== undefined) {
    throw new TaskArgumentError(call, 'where', where, 'nothing beside a parameter: give the condition once');
  }
  // Without the name of a parameter it would be a strike on the whole task.
  if (!Array.isArray(where) || where.length !== 3 || typeof where[0] !== 'string') {
    throw new TaskArgumentError(call, 'where', where, "[parameter, operator, value], such as ['amount', '>', 10_000]");
  }
  return where as unknown as Condition;
}

/** Name of a strike: the same for equal targets, and for a list of values in any order. */
export function strikeId(target: StrikeTarget): string {
  const { operator, value } = target;
  const isList = operator === 'in' && Array.isArray(value);
  const equal = canonical(isList ? new Set(value.map(oneNumber)) : oneNumber(value));
  return createHash('sha256')
    .update(encodeTarget({ ...target, value: equal }))
    .digest('base64url');
}

/** Returns a number for a bigint of the same value: a strike makes no difference between them. */
function oneNumber(value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isFinite(number) && BigInt(number) === value ? number : value;
}

export function encodeStrike(strike: Strike): string {
  const { mode, reason, by, since, expiresAt } = strike;
  const stored: StoredStrike = {
    target: encodeTarget(strike),
    mode,
    ...(reason !== undefined && { reason }),
    ...(by !== undefined && { by }),
    since: since.getTime(),
    ...(expiresAt !== undefined && { expiresAt: expiresAt.getTime() }),
  };
  return JSON.stringify(stored);
}

/** @returns nothing for what is no strike. */
export function decodeStrike(text: string): Strike | undefined {
  return readStored(text, ({ target, mode, reason, by, since, expiresAt }) => {
    const [begin, end] = [readNumber(since), readNumber(expiresAt)];
    const actor = readString(by);
    if (typeof target !== 'string' || (mode !== 'drop' && mode !== 'hold') || begin === undefined) return undefined;
    const [task, parameter, operator, value] = decodeArgs(target);
    if (task !== null && typeof task !== 'string') return undefined;
    // It checks them as those that a user passes.
    const checked = strikeTarget('strike()', task, parameter, operator, value);
    return Object.freeze({
      ...checked,
      mode,
      reason: readString(reason),
      ...(actor !== undefined && { by: actor }),
      since: new Date(begin),
      expiresAt: end === undefined ? undefined : new Date(end),
    });
  });
}

/** Text of a strike in log lines, without its value, which somebody has typed. */
export function describeStrike({ task, parameter, operator, reason }: Strike): string {
  const tasks = task ?? 'any task';
  const target = parameter === undefined ? tasks : `${tasks}, ${parameter} ${operator}`;
  return reason === undefined ? REASONS.struck(target) : REASONS.struckBecause(target, reason);
}

function encodeTarget({ task, parameter, operator, value }: StrikeTarget): string {
  return encodeArgs('strike()', [task, parameter ?? null, operator ?? null, value ?? null]);
}

function checkValue(where: string, operator: StrikeOperator, value: unknown): void {
  switch (operator) {
    case '==':
    case '!=':
      if (value === undefined) throw new TaskArgumentError(where, 'value', value, 'what the argument is compared with');
      encodeArgs(where, [value]); // what cannot travel cannot be compared
      return;
    case 'in':
      if (!Array.isArray(value) || value.length === 0) {
        throw new TaskArgumentError(where, 'value', value, 'a list of values that is not empty');
      }
      encodeArgs(where, value);
      return;
    case 'between':
      if (
        !Array.isArray(value) ||
        value.length !== 2 ||
        !isOrdered(value[0]) ||
        typeOf(value[0]) !== typeOf(value[1])
      ) {
        throw new TaskArgumentError(where, 'value', value, '[low, high], two numbers, strings or Dates');
      }
      return;
    default:
      if (!isOrdered(value)) throw new TaskArgumentError(where, 'value', value, 'a number, bigint, string or Date');
  }
}

/** Value as a run will see it: an instance may become a text by its `toJSON`. */
export function arrivingValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  try {
    const kind = kindOf(value);
    if (kind === 'toJSON') return (value as { toJSON(): unknown }).toJSON();
    return kind === 'boxed' ? value.valueOf() : value;
  } catch {
    return value; // its own methods may throw
  }
}

/** Values of one type can be compared; number and bigint count as one. */
export function typeOf(value: unknown): string {
  if (typeof value === 'bigint') return 'number';
  if (value instanceof Date) return 'Date';
  return value === null ? 'null' : typeof value;
}

/** Text that equal values of a type have in common. */
export function identityOf(value: unknown): string {
  switch (typeOf(value)) {
    case 'number':
      return `number ${String(oneNumber(value))}`;
    case 'string':
      return `string ${value as string}`;
    case 'Date':
      return `Date ${(value as Date).getTime()}`;
    case 'object':
      return `object ${safely(value)}`;
    default:
      return `${typeOf(value)} ${String(value)}`;
  }
}

function safely(value: unknown): string {
  try {
    return encodeArgs('strike()', [canonical(value)]);
  } catch {
    return describeValue(value);
  }
}

function isOrdered(value: unknown): boolean {
  const type = typeOf(value);
  return type === 'string' || type === 'Date' || (type === 'number' && !Number.isNaN(value));
}
