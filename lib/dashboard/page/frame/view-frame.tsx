import type { ComponentChildren } from 'preact';
import { live } from '../client/live-view.js';
import { useSource } from '../client/source.js';

interface ViewFrameProps {
  readonly query: string;
  readonly children: ComponentChildren;
}

/** Marks a view whose data are those of the query before, or not live. */
export function ViewFrame({ query, children }: ViewFrameProps) {
  const content = useSource(live.content);
  const { state } = useSource(live.connection);
  const outage = useSource(live.outage);
  const isStale = outage !== undefined || (state !== 'live' && state !== 'connecting');
  return (
    <div class="view" aria-busy={content !== undefined && content.query !== query} data-stale={isStale}>
      {children}
    </div>
  );
}
