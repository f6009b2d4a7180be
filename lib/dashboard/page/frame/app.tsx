import type { FunctionComponent, TargetedMouseEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { PageView } from '../client/api.js';
import { live } from '../client/live-view.js';
import { outcome } from '../client/outcome.js';
import { useSource } from '../client/source.js';
import { Execution } from '../execution/execution.js';
import { Executions } from '../executions/executions.js';
import { Failures } from '../failures/failures.js';
import { Limits } from '../limits/limits.js';
import { Now } from '../now/now.js';
import { Overview } from '../overview/overview.js';
import { place, servedQuery } from '../place/place.js';
import { Schedules } from '../schedules/schedules.js';
import { Strikes } from '../strikes/strikes.js';
import { Tasks } from '../tasks/tasks.js';
import { Workers } from '../workers/workers.js';
import { Attention } from './attention.js';
import { ConnectionNotice } from './connection-notice.js';
import { useKeptFocus } from './kept-focus.js';
import { Navigation } from './navigation.js';
import { OutcomeRegion } from './outcome-region.js';
import { PauseBanner } from './pause-banner.js';
import { TITLES } from './titles.js';
import { ViewBoundary } from './view-boundary.js';
import { ViewFrame } from './view-frame.js';

const VIEWS: Readonly<Record<PageView, FunctionComponent>> = {
  overview: Overview,
  executions: Executions,
  execution: Execution,
  failures: Failures,
  tasks: Tasks,
  schedules: Schedules,
  strikes: Strikes,
  limits: Limits,
  workers: Workers,
  now: Now,
};

export function App() {
  const current = useSource(place);
  const { view } = current;
  const query = servedQuery(current);
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = view === 'execution' ? `${view}?${query}` : view;
  const main = useRef<HTMLElement>(null);
  useKeptFocus(main, heading);
  const before = useRef(shown);
  useEffect(() => live.follow(view, query), [view, query]);
  useLayoutEffect(() => {
    if (before.current === shown) return;
    before.current = shown;
    outcome.set(undefined);
    scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true });
  }, [shown]);
  const View = VIEWS[view];
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Top view={view} />
      <Navigation view={view} />
      <main ref={main} id="main" tabIndex={-1}>
        <h1 ref={heading} tabIndex={-1}>
          {TITLES[view]}
        </h1>
        <ConnectionNotice />
        <PauseBanner />
        {view !== 'overview' && <FrameAttention />}
        <ViewBoundary key={shown}>
          <ViewFrame query={query}>
            <View />
          </ViewFrame>
        </ViewBoundary>
      </main>
      <OutcomeRegion />
    </>
  );
}

function Top({ view }: { readonly view: PageView }) {
  const summary = useSource(live.summary);
  useEffect(() => {
    document.title = summary === undefined ? TITLES[view] : `${TITLES[view]} · ${summary.queue}`;
  }, [view, summary?.queue]);
  return (
    <header class="top">
      <p class="queue">{summary?.queue ?? 'Tasks'}</p>
      {summary !== undefined && (
        <p class="about">
          {summary.user !== undefined && <span>{summary.user}</span>}
          {summary.access === 'read' && <span>read only</span>}
          <span>version {summary.version}</span>
          <LiveMark />
        </p>
      )}
    </header>
  );
}

/** Tells by a word whether what is shown is what is. */
function LiveMark() {
  const { state } = useSource(live.connection);
  const outage = useSource(live.outage);
  const isLive = state === 'live' && outage === undefined;
  return (
    <span class="live" data-live={isLive}>
      {isLive ? 'live' : state === 'connecting' ? 'connecting' : 'not live'}
    </span>
  );
}

function FrameAttention() {
  const summary = useSource(live.summary);
  if (summary === undefined || summary.attention.length === 0) return null;
  return (
    <section aria-label="Needs a person">
      <Attention attention={summary.attention} />
    </section>
  );
}

/** A fragment in the address would be a step in the history. */
function skip(event: TargetedMouseEvent<HTMLAnchorElement>): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#main')?.focus();
}
