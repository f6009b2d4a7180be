import type { ErrorView, ExecutionSummary, StateName } from '../../operations/api.js';
import type { Style } from '../paint.js';
import { shownDuration, shownNumber, shownTime } from '../shown-values.js';
import type { Column } from '../table.js';

export const STATE_STYLES: Readonly<Record<StateName, Style | undefined>> = {
  scheduled: undefined,
  queued: undefined,
  parked: 'yellow',
  running: 'cyan',
  retrying: 'yellow',
  completed: 'green',
  failed: 'red',
  cancelled: 'dim',
  dropped: 'dim',
};

const STATE: Column<ExecutionSummary> = {
  title: 'STATE',
  cell: ({ state }) => state,
  style: ({ state }) => STATE_STYLES[state],
};
const KEY: Column<ExecutionSummary> = { title: 'KEY', cell: ({ key }) => key };
const TASK: Column<ExecutionSummary> = { title: 'TASK', cell: ({ task }) => task };
const ATTEMPT: Column<ExecutionSummary> = {
  title: 'ATTEMPT',
  cell: ({ attempt }) => shownNumber(attempt),
  align: 'right',
};
const NOTE: Column<ExecutionSummary> = { title: 'NOTE', cell: noteOf };

/** Columns of executions that have not ended. */
export const LIVE_COLUMNS: readonly Column<ExecutionSummary>[] = [
  STATE,
  KEY,
  TASK,
  ATTEMPT,
  { title: 'DUE', cell: ({ when }) => shownTime(when) },
  { title: 'WORKER', cell: ({ worker = '' }) => worker },
  NOTE,
];

/** Columns of ended executions. */
export const ENDED_COLUMNS: readonly Column<ExecutionSummary>[] = [
  { title: 'ENDED', cell: ({ endedAt }) => shownTime(endedAt) },
  STATE,
  KEY,
  TASK,
  ATTEMPT,
  {
    title: 'RAN',
    cell: ({ startedAt, endedAt }) =>
      startedAt === undefined || endedAt === undefined
        ? ''
        : shownDuration(Date.parse(endedAt) - Date.parse(startedAt)),
    align: 'right',
  },
  NOTE,
];

export function errorText({ name, message }: ErrorView): string {
  return `${name}: ${message}`;
}

function noteOf({ reason, progress, error }: ExecutionSummary): string {
  if (reason !== undefined) return reason;
  if (error !== undefined) return errorText(error);
  if (progress === undefined) return '';
  const { current, total, message } = progress;
  return `${shownNumber(current)}/${shownNumber(total)}${message === undefined ? '' : ` ${message}`}`;
}
