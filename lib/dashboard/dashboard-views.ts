import { Injectable } from '@nestjs/common';
import type { ExecutionTarget, OverviewRange, SummaryView, ViewName } from '../operations/api.js';
import { executionQueryOf, nameOf } from '../operations/execution-query.js';
import { InputError } from '../operations/input-error.js';
import { VERSION } from '../package/build.js';
import { DashboardFleet } from './dashboard-fleet.js';
import { nowOf } from './now-view.js';

/** Parameters of a URL, as either adapter reads them. */
export type Query = Readonly<Record<string, unknown>>;

/** Data that a GET of the API returns: the views, and what a page asks for by the way. */
export type DataName = ViewName | 'count' | 'stats';

/** Part of the summary that is the same for all users. */
export type SharedSummary = Omit<SummaryView, 'access' | 'user'>;

/** Look at a view with a query that was checked. */
export interface Look {
  /** Same text for the same look. */
  readonly key: string;
  /** Reads the view; `undefined` where there is nothing. */
  read(): Promise<unknown>;
}

/** Views by their names, for requests and for the event stream. */
@Injectable()
export class DashboardViews {
  constructor(private readonly fleet: DashboardFleet) {}

  /** @throws {InputError} when the view does not exist, or its query cannot be used. */
  lookOf(view: string, query: Query): Look {
    if (!Object.hasOwn(LOOKS, view)) throw new InputError('view', view, Object.keys(LOOKS).join(', '));
    const { parsed, read } = LOOKS[view as DataName](query);
    return { key: `${view} ${JSON.stringify(parsed)}`, read: () => read(this.fleet) };
  }
}

interface FleetLook {
  /** Query that was checked. */
  readonly parsed: unknown;
  read(fleet: DashboardFleet): Promise<unknown>;
}

type LookKind = (query: Query) => FleetLook;

function kind<Q>(parse: (query: Query) => Q, read: (fleet: DashboardFleet, query: Q) => Promise<unknown>): LookKind {
  return (query) => {
    const parsed = parse(query);
    return { parsed, read: (fleet) => read(fleet, parsed) };
  };
}

const nothing = (): object => ({});

const LOOKS: Readonly<Record<DataName, LookKind>> = {
  summary: kind(nothing, (fleet) => summaryOf(fleet)),
  overview: kind(
    (query) => textOf(query, 'range') as OverviewRange | undefined,
    ({ views }, range) => views.overview(range),
  ),
  executions: kind(executionQueryOf, ({ views }, query) => views.executions(query)),
  count: kind(
    (query) => executionQueryOf({ ...query, limit: undefined, cursor: undefined }),
    ({ views }, filter) => views.count(filter),
  ),
  execution: kind(targetOf, ({ views }, target) => views.execution(target)),
  failures: kind(sinceOf, ({ views }, options) => views.failures(options)),
  stats: kind(nothing, ({ views }) => views.stats()),
  tasks: kind(nothing, ({ views }) => views.tasks()),
  schedules: kind(nothing, ({ views }) => views.schedules()),
  strikes: kind(nothing, ({ views }) => views.strikes()),
  limits: kind(nothing, ({ views }) => views.limits()),
  workers: kind(nothing, ({ views }) => views.workers()),
  now: kind(nothing, ({ scheduler }) => Promise.resolve(nowOf(scheduler))),
};

async function summaryOf({ views, label }: DashboardFleet): Promise<SharedSummary> {
  const [pause, attention] = await Promise.all([views.pause(), views.attention()]);
  return { queue: label, version: VERSION, ...(pause !== undefined && { pause }), attention };
}

function targetOf(query: Query): ExecutionTarget {
  const key = textOf(query, 'key');
  if (key === undefined) throw new InputError('key', undefined, 'the key of an execution');
  const id = nameOf('id', query['id']);
  return { key, ...(id !== undefined && { id }) };
}

function sinceOf(query: Query): { since?: string } {
  // Checked as a list of executions checks it.
  const { since } = executionQueryOf({ since: query['since'] });
  return since === undefined ? {} : { since };
}

function textOf(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new InputError(name, value, 'a text, given once');
}
