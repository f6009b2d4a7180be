import { useEffect, useRef } from 'preact/hooks';
import type { PageView } from '../client/api.js';
import { Link } from '../place/link.js';
import { NAVIGATION, TITLES } from './titles.js';

/** Scrolls a narrow list. With scrollIntoView() the Tab key would go on from there, past the link that skips the list. */
function showCurrent(list: HTMLUListElement): void {
  const current = list.querySelector('[aria-current]')?.getBoundingClientRect();
  if (current === undefined) return;
  const { left, right } = list.getBoundingClientRect();
  if (current.left < left) list.scrollLeft -= left - current.left;
  else if (current.right > right) list.scrollLeft += current.right - right;
}

/** Links to the views. An execution belongs to the executions. */
export function Navigation({ view }: { readonly view: PageView }) {
  const list = useRef<HTMLUListElement>(null);
  const current = view === 'execution' ? 'executions' : view;
  useEffect(() => {
    if (list.current !== null) showCurrent(list.current);
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
