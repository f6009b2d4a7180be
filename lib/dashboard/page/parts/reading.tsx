import { live } from '../client/live-view.js';
import { useSource } from '../client/source.js';

/** Words until the first data come. Where none will come, the notice above says why. */
export function Reading({ what }: { readonly what: string }) {
  const { state } = useSource(live.connection);
  return state === 'connecting' || state === 'live' ? <p class="soft">Reading {what} …</p> : null;
}
