import type { TaskView } from '../../../operations/api.js';
import { useSource } from '../client/source.js';
import { useCanWrite } from '../client/use-action.js';
import { useView } from '../client/use-view.js';
import { DataTable, Empty, type Column } from '../parts/data-table.js';
import { durationText } from '../parts/duration.js';
import { numberText, rateText } from '../parts/number.js';
import { Badge } from '../parts/state-badge.js';
import { unchanging } from '../parts/unchanging.js';
import { Reading } from '../parts/reading.js';
import { Link } from '../place/link.js';
import { place } from '../place/place.js';
import { sorted, sortNamed, type SortName } from './task-sort.js';

const TITLES: readonly (readonly [SortName, title: string])[] = [
  ['name', 'Task'],
  ['waiting', 'Waiting'],
  ['running', 'Running'],
  ['oldest', 'Oldest wait'],
  ['rate', 'Runs a minute'],
  ['failed', 'Failed in 1 h'],
  ['wait', 'Wait p50 / p95'],
  ['run', 'Run p50 / p95'],
];

/** Tasks with their figures of the last hour, and the behaviours in force. */
export function Tasks() {
  const sort = sortNamed(useSource(place).query.get('sort'));
  const tasks = useView('tasks');
  const canWrite = useCanWrite();
  if (tasks === undefined) return <Reading what="the tasks" />;
  if (tasks.length === 0) {
    return (
      <Empty title="No tasks">
        Methods with @Durable() or @Perpetual() stand here, and every task that has executions in the queue.
      </Empty>
    );
  }
  return (
    <DataTable caption="Tasks" columns={columnsOf(sort, canWrite)}>
      {sorted(tasks, sort).map((task) => (
        <TaskRow key={task.name} task={task} canWrite={canWrite} />
      ))}
    </DataTable>
  );
}

function columnsOf(current: SortName, canWrite: boolean): readonly Column[] {
  const figures = TITLES.map(([sort, title]): Column => {
    const direction = sort === 'name' ? ('ascending' as const) : ('descending' as const);
    const link = (
      <Link to="tasks" query={{ sort: sort === 'name' ? undefined : sort }} class="sort">
        {title}
        {sort === current && <span aria-hidden="true">{sort === 'name' ? ' ↑' : ' ↓'}</span>}
      </Link>
    );
    return { title, isFigure: sort !== 'name', sort: { direction: sort === current ? direction : undefined, link } };
  });
  return [...figures, { title: 'Behaviours' }, ...(canWrite ? [{ title: 'Actions', isQuiet: true }] : [])];
}

interface TaskRowProps {
  readonly task: TaskView;
  readonly canWrite: boolean;
}

const TaskRow = unchanging(({ task, canWrite }: TaskRowProps) => {
  const { name, isDeclared, depth, lastHour, behaviours } = task;
  return (
    <tr>
      <th scope="row" class="name">
        <Link to="executions" query={{ task: name }}>
          {name}
        </Link>
        {!isDeclared && <Badge tone="dropped">not declared here</Badge>}
      </th>
      <td class="figure">{numberText(depth.waiting)}</td>
      <td class="figure">{numberText(depth.running)}</td>
      <td class="figure">{depth.oldestWait === undefined ? '–' : durationText(depth.oldestWait)}</td>
      <td class="figure">{rateText(lastHour.perMinute)}</td>
      <td class="figure">
        {lastHour.failed === 0 ? (
          0
        ) : (
          <Link to="executions" query={{ task: name, state: 'failed', since: '1h' }}>
            {numberText(lastHour.failed)}
          </Link>
        )}
        {lastHour.failed > 0 && lastHour.started > 0 && (
          <span class="soft"> ({rateText((lastHour.failed / lastHour.started) * 100)} %)</span>
        )}
      </td>
      <td class="figure">{percentilesText(lastHour.wait)}</td>
      <td class="figure">{percentilesText(lastHour.run)}</td>
      <td>
        {behaviours.length > 0 && (
          <ul class="plain">
            {behaviours.map((behaviour) => (
              <li key={behaviour}>{behaviour}</li>
            ))}
          </ul>
        )}
      </td>
      {canWrite && (
        <td class="action">
          <Link to="strikes" query={{ task: name }} label={`Strike this task… ${name}`}>
            Strike this task…
          </Link>
        </td>
      )}
    </tr>
  );
});

function percentilesText({ p50, p95 }: { readonly p50?: number; readonly p95?: number }): string {
  return p50 === undefined || p95 === undefined ? '–' : `${durationText(p50)} / ${durationText(p95)}`;
}
