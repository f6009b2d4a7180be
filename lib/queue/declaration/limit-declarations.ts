import { createHash } from 'node:crypto';
import { decoratorName, type Behaviour, type PoolOptions } from '../../decorators/behaviour-metadata.js';
import { parseDuration } from '../../task/duration.js';
import { TasksConfigError } from '../../task/task-errors.js';
import { countText, durationText } from '../broker/duration-text.js';
import type { Limit } from '../broker/limit.js';
import { REASONS } from '../broker/reasons.js';
import { decodeArgs, encodeArgs } from './payload.js';
import { canonical } from './values/canonical.js';
import type { Parameters } from './parameters.js';

type LimitBehaviour = Extract<Behaviour, { type: 'concurrencyLimit' | 'rateLimit' | 'cooldown' | 'debounce' }>;

/** Makes the limits that an execution has to pass, from its arguments. */
export type LimitDeclaration = (args: readonly unknown[]) => Limit;

/** Owner of a pool, the parameter that it is counted by, and the value. */
export interface PoolName {
  readonly owner: string;
  readonly isScope: boolean;
  readonly parameter: string | null;
  /** Hash of the value where that is too long. */
  readonly value: unknown;
}

const LONGEST_VALUE = 200;

/**
 * @throws {TasksConfigError} when an option cannot be used.
 */
export function declareLimit(behaviour: LimitBehaviour, task: string, parameters: Parameters): LimitDeclaration {
  const { parameter } = behaviour;
  const decorator = `@${decoratorName(behaviour)}()`;
  const where =
    parameter === undefined
      ? `${decorator} on task '${task}'`
      : `${decorator} on parameter '${parameters.nameAt(parameter)}' of task '${task}'`;
  const poolOf = poolRule(behaviour, task, parameters, where);
  switch (behaviour.type) {
    case 'concurrencyLimit': {
      const max = wholeFrom1(behaviour.options.max, where);
      return (args) => ({ type: 'concurrency', pool: poolOf(args), max });
    }
    case 'rateLimit': {
      const { limit, per, drop = false } = behaviour.options;
      wholeFrom1(limit, where);
      const time = Math.ceil(parseDuration(`${where}: per`, per, 1));
      if (typeof drop !== 'boolean') throw new TasksConfigError(`${where}: drop`, drop, 'true or false');
      return (args) => ({ type: 'rate', pool: poolOf(args), max: limit, per: time, refuses: drop });
    }
    case 'cooldown': {
      const window = Math.ceil(parseDuration(`${where}: the window`, behaviour.options.window, 1));
      return (args) => ({ type: 'cooldown', pool: poolOf(args), window });
    }
    case 'debounce': {
      const { window, maxWait } = behaviour.options;
      const quiet = Math.ceil(parseDuration(`${where}: the window`, window, 1));
      const longest = maxWait === undefined ? undefined : Math.ceil(parseDuration(`${where}: maxWait`, maxWait, 1));
      if (longest !== undefined && longest < quiet) {
        throw new TasksConfigError(`${where}: maxWait`, maxWait, 'no less than the window');
      }
      return (args) => ({ type: 'debounce', pool: poolOf(args), window: quiet, maxWait: longest });
    }
  }
}

/** Reads the name of a pool. */
export function parsePool(pool: string): PoolName {
  const [kind, owner, parameter, value] = JSON.parse(pool) as [string, string, string | null, string | null];
  return { owner, isScope: kind === 'scope', parameter, value: decodeValue(value) };
}

function decodeValue(value: string | null): unknown {
  if (value === null) return undefined;
  return value.startsWith('#') ? value : decodeArgs(value)[0];
}

function poolRule(
  { type, parameter, options }: LimitBehaviour,
  task: string,
  parameters: Parameters,
  where: string,
): (args: readonly unknown[]) => string {
  const { scope, by } = options;
  if (scope !== undefined && (typeof scope !== 'string' || scope === '')) {
    throw new TasksConfigError(`${where}: scope`, scope, 'a string that is not empty');
  }
  const valueOf = valueRule(parameter, by, parameters, where);
  // Of one limit a second and another an hour, each counts for itself.
  const time = type === 'rateLimit' ? [options.per] : [];
  const [kind, owner] = scope === undefined ? ['task', task] : ['scope', scope];
  if (valueOf === undefined) {
    const pool = JSON.stringify([kind, owner, null, null, ...time]);
    return () => pool;
  }
  const own = parameter === undefined ? '' : parameters.nameAt(parameter);
  const path = typeof by === 'string' ? by : by === undefined ? '' : 'by()';
  const label = [own, path].filter((part) => part !== '').join('.');
  return (args) => {
    const value = encodeValue(valueOf(args));
    return JSON.stringify([kind, owner, scope === undefined ? label : null, value, ...time]);
  };
}

function valueRule(
  parameter: number | undefined,
  by: PoolOptions['by'],
  parameters: Parameters,
  where: string,
): ((args: readonly unknown[]) => unknown) | undefined {
  if (typeof by === 'function') {
    const pick = by as (...args: readonly unknown[]) => unknown;
    return (args) => pick(...args);
  }
  if (by === undefined) return parameter === undefined ? undefined : (args) => parameters.valueAt(args, parameter);
  if (typeof by !== 'string' || by === '' || by.split('.').includes('')) {
    throw new TasksConfigError(`${where}: by`, by, "a property path such as 'customer.id', or a function");
  }
  const path = by.split('.');
  if (parameter !== undefined) return (args) => follow(parameters.valueAt(args, parameter), path);
  const [first = '', ...rest] = path;
  if (!parameters.mayHave(first)) {
    throw new TasksConfigError(
      `${where}: by`,
      by,
      `a path that begins with one of its parameters (${parameters.names.join(', ') || 'it has none'})`,
    );
  }
  return (args) => {
    const located = parameters.locate(args, first);
    return located.isFound ? follow(located.value, rest) : undefined;
  };
}

function follow(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) at = (at as Record<string, unknown> | null | undefined)?.[key];
  return at;
}

/** Writes a value so that equal values are one pool, and one window. */
function encodeValue(value: unknown): string {
  const text = encodeArgs('by', [canonical(value)]);
  if (text.length <= LONGEST_VALUE) return text;
  return `#${createHash('sha256').update(text).digest('base64url')}`;
}

function wholeFrom1(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
  throw new TasksConfigError(where, value, 'a whole number from 1');
}

/** Returns the reason for which a limit delays or drops an execution. Never shows the value: users may have typed it. */
export function reasonOf(limit: Limit, isDropped: boolean): string {
  const { owner, isScope, parameter } = parsePool(limit.pool);
  const subject = isScope ? `scope ${owner}` : (parameter ?? `task ${owner}`);
  switch (limit.type) {
    case 'concurrency':
      return REASONS.concurrencyLimit(subject, limit.max);
    case 'rate':
      return REASONS.rateLimit(subject, countText(limit.max, 'start'), durationText(limit.per));
    case 'cooldown':
      return REASONS.cooldown(subject, durationText(limit.window));
    case 'debounce':
      return (isDropped ? REASONS.debounced : REASONS.debouncing)(subject, durationText(limit.window));
  }
}
