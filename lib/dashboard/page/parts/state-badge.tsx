import type { StateName } from '../../../operations/api.js';

export const LIVE_STATES = ['scheduled', 'queued', 'parked', 'running', 'retrying'] as const;
export const END_STATES = ['completed', 'failed', 'cancelled', 'dropped'] as const;

/** State in words, with a colour that only supports them. */
export function StateBadge({ state }: { readonly state: StateName }) {
  return <Badge tone={state}>{state}</Badge>;
}

export function Badge({ tone, children }: { readonly tone: string; readonly children: string }) {
  return (
    <span class="badge" data-tone={tone}>
      {children}
    </span>
  );
}
