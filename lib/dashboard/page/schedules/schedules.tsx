import type { ScheduleView } from '../../../operations/api.js';
import { useAction, useCanWrite } from '../client/use-action.js';
import { useView } from '../client/use-view.js';
import { DataTable, Empty, type Column } from '../parts/data-table.js';
import { Moment } from '../parts/moment.js';
import { numberText } from '../parts/number.js';
import { StateBadge } from '../parts/state-badge.js';
import { unchanging } from '../parts/unchanging.js';
import { Reading } from '../parts/reading.js';
import { Link } from '../place/link.js';

const COLUMNS: readonly Column[] = [
  { title: 'Task' },
  { title: 'Schedule' },
  { title: 'Key' },
  { title: 'State' },
  { title: 'Next' },
  { title: 'Last' },
  { title: 'Run', isFigure: true },
];

/** Perpetual executions, with their next and last runs. */
export function Schedules() {
  const schedules = useView('schedules');
  const canWrite = useCanWrite();
  if (schedules === undefined) return <Reading what="the schedules" />;
  if (schedules.length === 0) {
    return <Empty title="No schedules">Executions of tasks with @Perpetual() stand here, with their next runs.</Empty>;
  }
  const columns = canWrite ? [...COLUMNS, { title: 'Actions', isQuiet: true }] : COLUMNS;
  return (
    <DataTable caption="Schedules" columns={columns}>
      {schedules.map((schedule) => (
        <ScheduleRow key={schedule.key} schedule={schedule} canWrite={canWrite} />
      ))}
    </DataTable>
  );
}

interface ScheduleRowProps {
  readonly schedule: ScheduleView;
  readonly canWrite: boolean;
}

const ScheduleRow = unchanging(({ schedule, canWrite }: ScheduleRowProps) => {
  const [run, isBusy] = useAction();
  const { task, key, schedule: text, state, next, last, run: count } = schedule;
  return (
    <tr>
      <th scope="row" class="name">
        {task}
      </th>
      <td class="when">{text ?? <span class="soft">not known here</span>}</td>
      <td class="key">
        <Link to="execution" query={{ key }}>
          {key}
        </Link>
      </td>
      <td>
        <StateBadge state={state} />
      </td>
      <td class="when">
        <Moment at={next} />
      </td>
      <td class="when">{last === undefined ? <span class="soft">never</span> : <Moment at={last} />}</td>
      <td class="figure">{numberText(count)}</td>
      {canWrite && (
        <td class="action">
          <button
            type="button"
            aria-label={`Run now: ${key}`}
            aria-disabled={isBusy}
            disabled={state !== 'scheduled' && state !== 'retrying'}
            onClick={() => void run('run-now', { key })}
          >
            Run now
          </button>
        </td>
      )}
    </tr>
  );
});
