import { createHash } from 'node:crypto';
import { describeValue } from '../../task/task-errors.js';
import { decodeArgs, encodeArgs } from '../payload.js';
import { TaskArgumentError } from '../queue-errors.js';

/**
 * How a strike compares an argument with its value. `between` is inclusive and takes `[low, high]`, `in` takes a list.
 *
 * @publicApi
 */
export type StrikeOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'between' | 'in';

const OPERATORS: readonly unknown[] = ['==', '!=', '<', '<=', '>', '>=', 'between', 'in'] satisfies StrikeOperator[];

/**
 * Executions that must not run for now.
 *
 * @publicApi
 */
export interface Strike {
  /** Its name; `null` for all tasks. */
  readonly task: string | null;
  /** `undefined` for all executions of the task. */
  readonly parameter: string | undefined;
  readonly operator: StrikeOperator | undefined;
  readonly value: unknown;
  /** `drop` ends them, `hold` parks them until the strike is restored. */
  readonly mode: 'drop' | 'hold';
  readonly reason: string | undefined;
  readonly since: Date;
  /** When it ends by itself. */
  readonly expiresAt: Date | undefined;
}

/** Which executions are meant: what identifies a strike. */
export type StrikeTarget = Pick<Strike, 'task' | 'parameter' | 'operator' | 'value'>;

/** How a strike is stored. Times are in milliseconds since the epoch. */
interface StoredStrike {
  /** Encoded: task, parameter, operator, value. */
  readonly target: string;
  readonly mode: 'drop' | 'hold';
  readonly reason?: string;
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

/** The same for the same target, whoever writes it down. */
export function strikeId(target: StrikeTarget): string {
  return createHash('sha256').update(encodeTarget(target)).digest('base64url');
}

export function encodeStrike(strike: Strike): string {
  const { mode, reason, since, expiresAt } = strike;
  const stored: StoredStrike = {
    target: encodeTarget(strike),
    mode,
    ...(reason !== undefined && { reason }),
    since: since.getTime(),
    ...(expiresAt !== undefined && { expiresAt: expiresAt.getTime() }),
  };
  return JSON.stringify(stored);
}

export function decodeStrike(text: string): Strike {
  const { target, mode, reason, since, expiresAt } = JSON.parse(text) as StoredStrike;
  const [task, parameter, operator, value] = decodeArgs(target) as [
    string | null,
    string | null,
    StrikeOperator | null,
    unknown,
  ];
  return Object.freeze({
    task,
    parameter: parameter ?? undefined,
    operator: operator ?? undefined,
    value: parameter === null ? undefined : value,
    mode,
    reason,
    since: new Date(since),
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
  });
}

/** What log lines say of a strike. Not its value, which is what somebody typed. */
export function describeStrike({ task, parameter, operator, reason }: Strike): string {
  const what = parameter === undefined ? `of ${task}` : `of ${task ?? 'any task'} by ${parameter} ${operator}`;
  return reason === undefined ? `struck by that ${what}` : `struck by that ${what}: ${reason}`;
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

/** Values of one type can be compared; number and bigint count as one. */
export function typeOf(value: unknown): string {
  if (typeof value === 'bigint') return 'number';
  if (value instanceof Date) return 'Date';
  return value === null ? 'null' : typeof value;
}

/** What is the same for equal values of a type. */
export function identityOf(value: unknown): string {
  switch (typeOf(value)) {
    case 'number':
      return `number ${String(value)}`;
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
    return encodeArgs('strike()', [value]);
  } catch {
    return describeValue(value);
  }
}

function isOrdered(value: unknown): boolean {
  const type = typeOf(value);
  return type === 'string' || type === 'Date' || (type === 'number' && !Number.isNaN(value));
}
