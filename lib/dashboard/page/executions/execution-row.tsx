import type { ExecutionSummary } from '../../../operations/api.js';
import type { Column } from '../parts/data-table.js';
import { Moment } from '../parts/moment.js';
import { ProgressBar } from '../parts/progress-bar.js';
import { StateBadge } from '../parts/state-badge.js';
import { unchanging } from '../parts/unchanging.js';
import { Link } from '../place/link.js';

export const EXECUTION_COLUMNS: readonly Column[] = [
  { title: 'State' },
  { title: 'Task' },
  { title: 'Key' },
  { title: 'Time' },
  { title: 'Attempt', isFigure: true },
  { title: 'Why' },
  { title: 'Worker' },
];

/** Execution in a list. It is drawn again when it has changed itself, not when others have. */
export const ExecutionRow = unchanging(({ execution }: { readonly execution: ExecutionSummary }) => {
  const { id, key, task, state, attempt, worker, reason, error, progress } = execution;
  return (
    <tr>
      <td>
        <StateBadge state={state} />
      </td>
      <td class="name">
        <Link to="executions" query={{ task }}>
          {task}
        </Link>
      </td>
      <td class="key">
        <Link to="execution" query={{ id, key }}>
          {key}
        </Link>
      </td>
      <td class="when">
        <ExecutionTime execution={execution} />
      </td>
      <td class="figure">{attempt}</td>
      <td class="why">
        {progress !== undefined && <ProgressBar progress={progress} />}
        {error !== undefined && (
          <span class="error-text">
            {error.name}: {error.message}
          </span>
        )}
        {reason !== undefined && <span class="soft">{reason}</span>}
      </td>
      <td class="id">{worker}</td>
    </tr>
  );
});

/** Time that matters in a state: of the end, of the start, or when it is due. */
export function ExecutionTime({
  execution,
}: {
  readonly execution: Pick<ExecutionSummary, 'endedAt' | 'startedAt' | 'state' | 'when'>;
}) {
  const { endedAt, startedAt, state, when } = execution;
  if (endedAt !== undefined) {
    return (
      <>
        ended <Moment at={endedAt} />
      </>
    );
  }
  if (state === 'running' && startedAt !== undefined) {
    return (
      <>
        started <Moment at={startedAt} />
      </>
    );
  }
  return (
    <>
      due <Moment at={when} />
    </>
  );
}
