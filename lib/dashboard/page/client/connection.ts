import type { PageView } from './api.js';

/** Connection with the server, as the page knows it. `stopped` lasts until the view or its query changes. */
export type Connection =
  | { readonly state: 'connecting' | 'live' | 'paused' }
  | { readonly state: 'closing' | 'lost'; readonly since: Date; readonly message?: string }
  | {
      readonly state: 'stopped';
      readonly why: 'signed-out' | 'no-access' | 'refused' | 'gone';
      readonly message: string;
    };

/** Connection after an answer with this status; `undefined` where another try may help. */
export function stoppedBy(status: number, message: string, view: PageView): Connection | undefined {
  if (status === 401) return { state: 'stopped', why: 'signed-out', message };
  if (status === 403) return { state: 'stopped', why: 'no-access', message };
  // In the middle of a deploy a route may be missing for a while.
  if (status === 404) return view === 'execution' ? { state: 'stopped', why: 'gone', message } : undefined;
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    return { state: 'stopped', why: 'refused', message };
  }
  return undefined;
}
