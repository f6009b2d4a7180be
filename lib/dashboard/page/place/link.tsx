import type { ComponentChildren, TargetedMouseEvent } from 'preact';
import type { PageView } from '../client/api.js';
import { go, hrefOf, type Query } from './place.js';

interface LinkProps {
  readonly to: PageView;
  readonly query?: Query;
  readonly class?: string;
  readonly current?: 'page' | 'true' | undefined;
  readonly label?: string;
  readonly children: ComponentChildren;
}

/** Link to a view, which a new tab opens as well. */
export function Link({ to, query, class: className, current, label, children }: LinkProps) {
  return (
    <a href={hrefOf(to, query)} class={className} aria-current={current} aria-label={label} onClick={follow}>
      {children}
    </a>
  );
}

/** Goes to the link's view without a load of the page, unless the user asks for a new tab or a download. */
export function follow(event: TargetedMouseEvent<HTMLAnchorElement>): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(event.currentTarget.href);
}
