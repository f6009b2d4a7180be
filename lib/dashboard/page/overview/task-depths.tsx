import type { DepthView } from '../../../operations/api.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { durationText } from '../parts/duration.js';
import { numberText } from '../parts/number.js';
import { unchanging } from '../parts/unchanging.js';
import { Link } from '../place/link.js';

/** Tasks that are shown: the view of the tasks has all. */
const MOST = 10;

const COLUMNS: readonly Column[] = [
  { title: 'Task' },
  { title: 'Waiting', isFigure: true },
  { title: 'Running', isFigure: true },
  { title: 'Retrying', isFigure: true },
  { title: 'Parked', isFigure: true },
  { title: 'Oldest wait', isFigure: true },
];

/** Tasks with the most waiting executions. */
export function TaskDepths({ tasks }: { readonly tasks: Readonly<Record<string, DepthView>> }) {
  const busy = Object.entries(tasks)
    .filter(([, depth]) => depth.waiting + depth.running + depth.retrying + depth.parked > 0)
    .toSorted(([, a], [, b]) => b.waiting - a.waiting || b.running - a.running);
  if (busy.length === 0) return null;
  return (
    <section aria-labelledby="busiest">
      <h2 id="busiest">Tasks with the most waiting</h2>
      <DataTable caption="Tasks with the most waiting executions" columns={COLUMNS}>
        {busy.slice(0, MOST).map(([name, depth]) => (
          <DepthRow key={name} name={name} depth={depth} />
        ))}
      </DataTable>
      {busy.length > MOST && (
        <p>
          <Link to="tasks" query={{ sort: 'waiting' }}>
            All {busy.length} tasks with executions
          </Link>
        </p>
      )}
    </section>
  );
}

const DepthRow = unchanging(({ name, depth }: { readonly name: string; readonly depth: DepthView }) => (
  <tr>
    <th scope="row" class="name">
      <Link to="executions" query={{ task: name }}>
        {name}
      </Link>
    </th>
    <td class="figure">{numberText(depth.waiting)}</td>
    <td class="figure">{numberText(depth.running)}</td>
    <td class="figure">{numberText(depth.retrying)}</td>
    <td class="figure">{numberText(depth.parked)}</td>
    <td class="figure">{depth.oldestWait === undefined ? '–' : durationText(depth.oldestWait)}</td>
  </tr>
));
