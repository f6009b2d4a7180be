import { LIVE_STATES, type EndState, type LiveState } from '../queue/broker/record.js';
import { durationOf } from '../queue/client/moment.js';
import type { ListingFilter } from '../queue/client/execution-listing.js';
import type { EndedQuery } from '../queue/client/ended-query.js';
import type { ExecutionFilter, ExecutionQuery, StateName } from './api.js';
import { InputError } from './input-error.js';

const END_STATES = ['completed', 'failed', 'cancelled', 'dropped'] as const satisfies readonly EndState[];

/** All states, in the order in which executions pass them. */
export const STATES: readonly StateName[] = [...(LIVE_STATES satisfies readonly LiveState[]), ...END_STATES];

const MAX_LIMIT = 200;
/** ISO time, with or without its parts after the day. `new Date()` alone skips what it does not know. */
const ISO_TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/;
const TEXTS = ['keyPrefix', 'error', 'kind', 'cursor'] as const;
const NAMES = ['task', 'worker'] as const;

const KNOWN: readonly string[] = ['state', ...TEXTS, ...NAMES, 'since', 'until', 'limit'];

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a query for executions from the parameters of a URL, or from options. Empty ones count as absent.
 *
 * @throws {InputError} naming the parameter that cannot be used.
 */
export function executionQueryOf(query: Fields): ExecutionQuery {
  const stray = Object.keys(query).find((name) => !KNOWN.includes(name));
  // A misspelled condition would match more than was meant.
  if (stray !== undefined) throw new InputError(stray, query[stray], `no such parameter: ${KNOWN.join(', ')}`);
  const limit = limitOf(query['limit']);
  const texts = TEXTS.flatMap((name) => {
    const text = textOf(name, query[name]);
    return text === undefined ? [] : [[name, text] as const];
  });
  const names = NAMES.flatMap((name) => {
    const text = nameOf(name, query[name]);
    return text === undefined ? [] : [[name, text] as const];
  });
  const times = (['since', 'until'] as const).flatMap((name) => {
    const text = textOf(name, query[name]);
    return text === undefined ? [] : [[name, checkMoment(name, text)] as const];
  });
  const state = statesOf(query['state']);
  return {
    ...(state !== undefined && { state }),
    ...Object.fromEntries([...names, ...texts, ...times]),
    ...(limit !== undefined && { limit }),
  };
}

/**
 * Reads a name or an id. PostgreSQL refuses a text with the character NUL, which none of them has.
 *
 * @throws {InputError}
 */
export function nameOf(input: string, value: unknown): string | undefined {
  const text = textOf(input, value);
  if (text?.includes('\0') === true) throw new InputError(input, text, 'a text without the character NUL');
  return text;
}

/** Returns the time that a text names: an ISO time, or a duration ago. */
export function momentOfText(name: string, text: string, now: number): Date {
  const ago = /^\d+$/.test(text) ? undefined : durationOf(text); // a number without a unit is a slip
  const date = ago === undefined ? new Date(text) : new Date(now - ago);
  if (Number.isNaN(date.getTime()) || (ago === undefined && !ISO_TIME.test(text))) {
    throw new InputError(name, text, "an ISO time such as '2026-01-31T12:00:00Z', or '1h' for an hour ago");
  }
  return date;
}

/** Makes the filter of a list: times become milliseconds since the epoch. @throws {InputError} */
export function listingFilterOf({ state, since, until, ...rest }: ExecutionFilter, now: number): ListingFilter {
  return {
    ...rest,
    ...(state !== undefined && { states: state }),
    ...(since !== undefined && { since: momentOfText('since', since, now).getTime() }),
    ...(until !== undefined && { until: momentOfText('until', until, now).getTime() }),
  };
}

/**
 * Makes the filter of bulk work, which takes ended executions alone.
 *
 * @throws {InputError} when the filter has conditions that only a list knows.
 */
export function endedFilterOf({ state, worker, since, until, ...rest }: ExecutionFilter, now: number): EndedQuery {
  if (worker !== undefined)
    throw new InputError('worker', worker, 'no worker: retry and forget take no such condition');
  const live = state?.find((name) => !(END_STATES as readonly StateName[]).includes(name));
  if (live !== undefined) throw new InputError('state', live, `states of ended executions: ${END_STATES.join(', ')}`);
  return {
    ...rest,
    ...(state !== undefined && { state: state as readonly EndState[] }),
    ...(since !== undefined && { since: momentOfText('since', since, now) }),
    ...(until !== undefined && { until: momentOfText('until', until, now) }),
  };
}

/** Renders a filter in words, for log lines and questions: `state=failed task=orders.process`. */
export function filterText(filter: ExecutionFilter): string {
  const { state, task, keyPrefix, error, kind, worker, since, until } = filter;
  const parts = { state: state?.join(','), task, keyPrefix, error, kind, worker, since, until };
  const texts = Object.entries(parts).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`));
  return texts.length === 0 ? 'all' : texts.join(' ');
}

function checkMoment(name: string, text: string): string {
  momentOfText(name, text, Date.now());
  return text;
}

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new InputError(name, value, 'a text, given once');
}

function limitOf(value: unknown): number | undefined {
  if (value === undefined || value === '') return undefined;
  const limit = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (Number.isInteger(limit) && (limit as number) >= 1 && (limit as number) <= MAX_LIMIT) return limit as number;
  throw new InputError('limit', value, `a whole number from 1 to ${MAX_LIMIT}`);
}

function statesOf(value: unknown): StateName[] | undefined {
  const names = (Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : []) as unknown[];
  if (value !== undefined && names.length === 0) throw badState(value);
  const wanted = names.filter((name) => name !== '');
  if (wanted.some((name) => !(STATES as readonly unknown[]).includes(name))) throw badState(value);
  return wanted.length === 0 ? undefined : [...new Set(wanted as StateName[])];
}

function badState(value: unknown): InputError {
  return new InputError('state', value, `one or several of ${STATES.join(', ')}, with commas between`);
}
