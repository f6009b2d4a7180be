import type { WorkerView } from '../../../operations/api.js';
import { useView } from '../client/use-view.js';
import { DataTable, Empty, type Column } from '../parts/data-table.js';
import { Elapsed, Moment } from '../parts/moment.js';
import { numberText } from '../parts/number.js';
import { unchanging } from '../parts/unchanging.js';
import { Reading } from '../parts/reading.js';
import { Link } from '../place/link.js';

const COLUMNS: readonly Column[] = [
  { title: 'Worker' },
  { title: 'Host' },
  { title: 'Process', isFigure: true },
  { title: 'Running', isFigure: true },
  { title: 'Up for' },
  { title: 'Seen' },
  { title: 'Tasks' },
];

/** Processes that take executions. */
export function Workers() {
  const workers = useView('workers');
  if (workers === undefined) return <Reading what="the workers" />;
  if (workers.length === 0) {
    return (
      <Empty title="No worker is there">
        Processes that run durable tasks stand here. Nothing starts until one does.
      </Empty>
    );
  }
  return (
    <DataTable caption="Workers" columns={COLUMNS}>
      {workers.map((worker) => (
        <WorkerRow key={worker.id} worker={worker} />
      ))}
    </DataTable>
  );
}

const WorkerRow = unchanging(({ worker }: { readonly worker: WorkerView }) => {
  const { id, host, pid, concurrency, running, tasks, startedAt, seenAt } = worker;
  return (
    <tr>
      <th scope="row" class="id">
        <Link to="executions" query={{ worker: id }}>
          {id}
        </Link>
      </th>
      <td class="name">{host}</td>
      <td class="figure">{pid}</td>
      <td class="figure">
        {numberText(running)} of {numberText(concurrency)}
      </td>
      <td class="when">
        <Elapsed since={startedAt} />
      </td>
      <td class="when">
        <Moment at={seenAt} />
      </td>
      <td>{tasks.join(', ')}</td>
    </tr>
  );
});
