import type { ExecutionFilter, StateName } from '../../../operations/api.js';
import { END_STATES, LIVE_STATES } from '../parts/state-badge.js';
import { go, hrefOf, type Query } from '../place/place.js';

/** Texts of a filter, by their names in the address. */
export const TEXT_FILTERS = ['task', 'keyPrefix', 'error', 'kind', 'worker', 'since', 'until'] as const;

type Changes = { readonly [K in 'state' | (typeof TEXT_FILTERS)[number]]?: string };

export function statesOf(query: URLSearchParams): readonly StateName[] {
  const named = new Set((query.get('state') ?? '').split(','));
  return [...LIVE_STATES, ...END_STATES].filter((state) => named.has(state));
}

export function filterOf(query: URLSearchParams): ExecutionFilter {
  const state = statesOf(query);
  const texts = TEXT_FILTERS.flatMap((name) => {
    const value = query.get(name);
    return value === null || value === '' ? [] : [[name, value]];
  });
  return { ...(state.length > 0 && { state }), ...(Object.fromEntries(texts) as Partial<ExecutionFilter>) };
}

/** Filter as the query of a request. */
export function queryOfFilter({ state, ...texts }: ExecutionFilter): Query {
  return { ...(state !== undefined && { state: state.join(',') }), ...texts };
}

/** Goes to the executions with a part of the filter changed. */
export function changeFilter(query: URLSearchParams, changes: Changes): void {
  go(hrefOf('executions', { ...queryOfFilter(filterOf(query)), ...changes }));
}

/** Whether the server can retry and forget all that match: all have ended, and no worker is asked for. */
export function isForBulk({ state, worker }: ExecutionFilter): boolean {
  return (
    worker === undefined &&
    state !== undefined &&
    state.every((name) => (END_STATES as readonly string[]).includes(name))
  );
}

/** Returns a filter in words. */
export function filterText({ state, task, keyPrefix, error, kind, worker, since, until }: ExecutionFilter): string {
  return [
    state?.join(' or '),
    task !== undefined && `task ${task}`,
    keyPrefix !== undefined && `key begins with ${keyPrefix}`,
    error !== undefined && `error has ‘${error}’`,
    kind !== undefined && `error of the kind ‘${kind}’`,
    worker !== undefined && `worker ${worker}`,
    since !== undefined && `ended since ${since}`,
    until !== undefined && `ended until ${until}`,
  ]
    .filter((part) => typeof part === 'string')
    .join(', ');
}
