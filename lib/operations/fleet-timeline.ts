import type { TimelinePercentiles, TimelineRow } from '../queue/client/timeline.js';
import type { OverviewRange, PercentilesView, TaskView, TimelinePoint } from './api.js';

const MINUTE = 60_000;

/** Spans that an overview can show, and the length of a step, in milliseconds. */
export const RANGES: Readonly<Record<OverviewRange, { readonly span: number; readonly step: number }>> = {
  '1h': { span: 60 * MINUTE, step: MINUTE },
  '24h': { span: 24 * 60 * MINUTE, step: 15 * MINUTE },
  '72h': { span: 72 * 60 * MINUTE, step: 60 * MINUTE },
};

const NOTHING = { added: 0, started: 0, completed: 0, failed: 0, retried: 0, cancelled: 0, dropped: 0 };

/** Makes a point for each step of a span, also where nothing happened: a chart must not draw a line across a gap. */
export function pointsOf(totals: readonly TimelineRow[], from: number, to: number, step: number): TimelinePoint[] {
  const known = new Map(totals.map((row) => [row.at.getTime(), row]));
  const points: TimelinePoint[] = [];
  for (let at = Math.floor(from / step) * step; at <= to; at += step) {
    const row = known.get(at);
    points.push(row === undefined ? { at: timeText(at), ...NOTHING, wait: {}, run: {} } : pointOf(row));
  }
  return points;
}

/** Renders the row of one task for the last hour; zeros where nothing happened. */
export function lastHourOf(row: TimelineRow | undefined): TaskView['lastHour'] {
  const { started = 0, completed = 0, failed = 0, retried = 0 } = row ?? {};
  const perMinute = Math.round((started / 60) * 100) / 100;
  return {
    started,
    completed,
    failed,
    retried,
    perMinute,
    wait: percentilesOf(row?.wait),
    run: percentilesOf(row?.run),
  };
}

function pointOf({ at, task: _task, wait, run, ...counts }: TimelineRow): TimelinePoint {
  return { at: timeText(at.getTime()), ...counts, wait: percentilesOf(wait), run: percentilesOf(run) };
}

function percentilesOf({ p50, p95 }: TimelinePercentiles = { p50: undefined, p95: undefined }): PercentilesView {
  return { ...(p50 !== undefined && { p50 }), ...(p95 !== undefined && { p95 }) };
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}
