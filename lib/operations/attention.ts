import { countText, durationText } from '../queue/broker/duration-text.js';
import type { FailureGroup } from '../queue/client/history.js';
import type { QueueStats } from '../queue/queue-stats.js';
import type { AttentionView, PauseView } from './api.js';

/** Oldest wait that needs nobody, in milliseconds. */
const PATIENCE = 60_000;
/** Groups of failures that are named. */
const NAMED_GROUPS = 3;

/** State of the fleet that sentences are made of. */
export interface FleetState {
  readonly stats: QueueStats;
  readonly pause: PauseView | undefined;
  readonly workers: number;
  /** Failures of the last hour. */
  readonly failures: readonly FailureGroup[];
}

/** Tells what needs a person, the most urgent first. */
export function attentionOf({ stats, pause, workers, failures }: FleetState): AttentionView[] {
  return [
    ...idleOf(stats, pause, workers),
    ...pauseOf(pause),
    ...failuresOf(failures),
    ...waitOf(stats, pause, workers),
    ...outboxOf(stats),
  ];
}

function idleOf({ total, outbox }: QueueStats, pause: PauseView | undefined, workers: number): AttentionView[] {
  const waiting = total.waiting + (outbox?.waiting ?? 0);
  if (workers > 0 || waiting === 0 || pause !== undefined) return [];
  return [
    {
      level: 'error',
      text: `No worker is there, and ${countText(waiting, 'execution')} ${waiting === 1 ? 'waits' : 'wait'}.`,
      view: 'workers',
    },
  ];
}

function pauseOf(pause: PauseView | undefined): AttentionView[] {
  if (pause === undefined) return [];
  const why = pause.reason === undefined ? '' : `: ${pause.reason}`;
  return [{ level: 'warning', text: `The queue is paused${why}.`, view: 'overview' }];
}

function failuresOf(groups: readonly FailureGroup[]): AttentionView[] {
  return groups.slice(0, NAMED_GROUPS).map(({ task, error, count }) => {
    const kind = `${error.name}: ${error.message}`;
    const query = new URLSearchParams({ state: 'failed', task, kind, since: '1h' });
    const text = `${countText(count, 'execution')} of ${task} failed in the last hour: ${kind}`;
    return { level: 'error', text, view: `executions?${query}` };
  });
}

function waitOf({ total }: QueueStats, pause: PauseView | undefined, workers: number): AttentionView[] {
  const { oldestWait = 0 } = total;
  if (pause !== undefined || workers === 0 || oldestWait < PATIENCE) return [];
  const text = `The oldest execution has waited for ${minutesText(oldestWait)}.`;
  return [{ level: 'warning', text, view: 'executions?state=queued' }];
}

function outboxOf({ outbox }: QueueStats): AttentionView[] {
  const { oldestWait = 0, waiting = 0 } = outbox ?? {};
  if (oldestWait < PATIENCE) return [];
  const text = `${countText(waiting, 'execution')} in the outbox, the oldest for ${minutesText(oldestWait)}: no relay takes them.`;
  return [{ level: 'error', text, view: 'workers' }];
}

/** Renders a wait in whole minutes: a text that changes with each look would be sent with each look. */
function minutesText(wait: number): string {
  return durationText(Math.floor(wait / PATIENCE) * PATIENCE);
}
