import type { Views } from '../../../operations/api.js';
import type { PageView } from './api.js';
import { live } from './live-view.js';
import { useSource } from './source.js';

/** Returns the live data of a view; `undefined` until the first came. */
export function useView<V extends PageView>(view: V): Views[V] | undefined {
  const content = useSource(live.content);
  return content?.view === view ? (content.data as Views[V]) : undefined;
}
