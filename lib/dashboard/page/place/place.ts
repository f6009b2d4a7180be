import type { PageView } from '../client/api.js';
import { Source } from '../client/source.js';
import { ROOT } from './root.js';

/** View with its query, as the address says. */
export interface Place {
  readonly view: PageView;
  readonly query: URLSearchParams;
}

/** Query of each view that the server gets; what else stands in the address is the page's own. */
const SERVED: Readonly<Record<PageView, readonly string[]>> = {
  overview: ['range'],
  executions: ['state', 'task', 'keyPrefix', 'error', 'worker', 'since', 'until', 'limit'],
  execution: ['id', 'key'],
  failures: ['since'],
  tasks: [],
  schedules: [],
  strikes: [],
  limits: [],
  workers: [],
  now: [],
};

export type Query = Readonly<Record<string, string | undefined>>;

function placeOf(url: URL): Place {
  const name = url.pathname.slice(ROOT.pathname.length);
  return { view: Object.hasOwn(SERVED, name) ? (name as PageView) : 'overview', query: url.searchParams };
}

export const place = new Source(placeOf(new URL(location.href)));
addEventListener('popstate', () => place.set(placeOf(new URL(location.href))));

/** Returns the part of a query that the server gets. */
export function servedQuery({ view, query }: Place): string {
  const served = new URLSearchParams();
  for (const name of SERVED[view]) {
    const value = query.get(name);
    if (value !== null && value !== '') served.set(name, value);
  }
  return served.toString();
}

export function hrefOf(view: PageView, query: Query = {}): string {
  const url = new URL(view, ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') url.searchParams.set(name, value);
  }
  return url.href;
}

/** Returns the address of a view that the server names, such as `executions?state=failed`; `undefined` for another site. */
export function hrefOfNamed(view: string): string | undefined {
  const { href } = new URL(view, ROOT);
  return href.startsWith(ROOT.href) ? href : undefined;
}

export function go(href: string): void {
  if (href === location.href) return;
  history.pushState(null, '', href);
  place.set(placeOf(new URL(href)));
}
