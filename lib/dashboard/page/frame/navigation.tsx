import { useEffect, useRef } from 'preact/hooks';
import type { PageView } from '../client/api.js';
import { Link } from '../place/link.js';
import { NAVIGATION, TITLES } from './titles.js';

/** Links to the views. An execution belongs to the executions. */
export function Navigation({ view }: { readonly view: PageView }) {
  const list = useRef<HTMLUListElement>(null);
  const current = view === 'execution' ? 'executions' : view;
  useEffect(() => {
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current]);
  return (
    <nav class="navigation" aria-label="Views">
      <ul ref={list}>
        {NAVIGATION.map((name) => (
          <li key={name}>
            <Link to={name} current={name === current ? (name === view ? 'page' : 'true') : undefined}>
              {TITLES[name]}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
