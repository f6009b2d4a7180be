import type { Duration } from '../../task/duration.js';
import { KnownOptions } from '../../task/known-options.js';
import type { EndedFilter } from '../broker/ended.js';
import { TaskArgumentError } from '../broker/queue-errors.js';
import type { EndState } from '../broker/record.js';
import { checkCallOptions } from './call-options.js';
import { momentOf } from './moment.js';
import type { AnyTask } from './adding-call.js';

/**
 * Condition on ended executions: all that is set must hold. Texts are literal and case-sensitive.
 *
 * @publicApi
 */
export interface EndedQuery {
  /** State in which they have ended, or several. Default: all. */
  readonly state?: EndState | readonly EndState[] | undefined;
  /** A method, or any name. */
  readonly task?: AnyTask | undefined;
  readonly keyPrefix?: string | undefined;
  /** Text in the name or the message of their error. */
  readonly error?: string | undefined;
  /** Kind of their error: the `error` of a group of `queue.failures()`, or the same as a text, `name: message`. */
  readonly kind?: { readonly name: string; readonly message: string } | string | undefined;
  /** Earliest time of their end: a Date, or a Duration ago. */
  readonly since?: Date | Duration | undefined;
  /** Latest time of their end: a Date, or a Duration ago. */
  readonly until?: Date | Duration | undefined;
}

/**
 * Options of `queue.history()`.
 *
 * @publicApi
 */
export interface HistoryQuery extends EndedQuery {
  /** Most executions to return, from 1 to 1,000. Default 100. */
  readonly limit?: number | undefined;
  /** `cursor` of the answer before this one. */
  readonly cursor?: string | undefined;
}

const HABITS = { status: 'state', states: 'state', name: 'task', from: 'since', to: 'until', key: 'keyPrefix' };

const QUERY = { state: true, task: true, keyPrefix: true, error: true, kind: true, since: true, until: true } as const;
const ENDED_OPTIONS = new KnownOptions<EndedQuery>(QUERY, HABITS);
const HISTORY_OPTIONS = new KnownOptions<HistoryQuery>({ ...QUERY, limit: true, cursor: true }, HABITS);

const STATES: readonly unknown[] = ['completed', 'failed', 'cancelled', 'dropped'] satisfies EndState[];
const MAX_LIMIT = 1_000;

/** @throws {TaskArgumentError} when something cannot be used. */
export function filterOf(call: string, query: EndedQuery, now: number, nameOf: (task: AnyTask) => string): EndedFilter {
  checkObject(call, query);
  checkCallOptions(call === 'history()' ? HISTORY_OPTIONS : ENDED_OPTIONS, query, call);
  const { state, task, keyPrefix, error, kind, since, until } = query;
  return {
    ...(state !== undefined && { states: statesOf(call, state) }),
    ...(task !== undefined && { task: nameOf(task) }),
    ...(keyPrefix !== undefined && { keyPrefix: textOf(call, 'keyPrefix', keyPrefix) }),
    ...(error !== undefined && { error: textOf(call, 'error', error) }),
    ...(kind !== undefined && { kind: kindOf(call, kind) }),
    ...(since !== undefined && { since: momentOf(call, 'since', since, now) }),
    ...(until !== undefined && { until: momentOf(call, 'until', until, now) }),
  };
}

/** @throws {TaskArgumentError} when the query would take everything without saying so. */
export function requireCondition(call: string, filter: EndedFilter): void {
  if (Object.keys(filter).length > 0) return;
  const allowed = "at least one condition; { state: ['completed', 'failed', 'cancelled', 'dropped'] } is everything";
  throw new TaskArgumentError(call, 'filter', filter, allowed, 'none');
}

/** @throws {TaskArgumentError} */
export function pageOf({ limit = 100, cursor }: HistoryQuery): { limit: number; cursor?: string } {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new TaskArgumentError(
      'history()',
      'limit',
      limit,
      `a whole number from 1 to ${MAX_LIMIT.toLocaleString('en-US')}`,
    );
  }
  if (cursor === undefined) return { limit };
  const text = typeof cursor === 'string' ? Buffer.from(cursor, 'base64url').toString() : '';
  if (!isEndedCursor(text)) {
    throw new TaskArgumentError('history()', 'cursor', cursor, 'the cursor of an earlier answer of history()');
  }
  return { limit, cursor: text };
}

/** Tells whether a text is a position in the list of ended executions. */
export function isEndedCursor(text: string): boolean {
  return /^\d{1,16}(?::[\w-]+)?$/.test(text);
}

export function cursorText(cursor: string): string {
  return Buffer.from(cursor).toString('base64url');
}

function checkObject(call: string, query: unknown): void {
  if (typeof query === 'object' && query !== null) return;
  throw new TaskArgumentError(call, 'filter', query, `an object of ${ENDED_OPTIONS.names.join(', ')}`);
}

function statesOf(call: string, state: EndState | readonly EndState[]): EndState[] {
  const states = Array.isArray(state) ? (state as readonly EndState[]) : [state as EndState];
  if (states.length > 0 && states.every((one) => STATES.includes(one))) return [...new Set(states)];
  throw new TaskArgumentError(call, 'state', state, `one of ${STATES.join(', ')}, or a list of them`);
}

function kindOf(call: string, kind: unknown): string {
  if (typeof kind === 'string') return textOf(call, 'kind', kind);
  const { name, message } = (kind ?? {}) as Partial<Record<'name' | 'message', unknown>>;
  if (typeof name === 'string' && typeof message === 'string') return `${name}: ${message}`;
  throw new TaskArgumentError(call, 'kind', kind, "the error of a group of failures(), or the text 'name: message'");
}

function textOf(call: string, name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new TaskArgumentError(call, name, value, 'a string that is not empty');
}
