import type { NowView, RequestTaskView } from '../../../operations/api.js';
import { useView } from '../client/use-view.js';
import { DataTable, Empty, type Column } from '../parts/data-table.js';
import { Moment } from '../parts/moment.js';
import { numberText } from '../parts/number.js';
import { Badge } from '../parts/state-badge.js';
import { unchanging } from '../parts/unchanging.js';
import { Reading } from '../parts/reading.js';

const TASK_COLUMNS: readonly Column[] = [
  { title: 'Task' },
  { title: 'Status' },
  { title: 'Timing' },
  { title: 'Pool' },
  { title: 'Started' },
];
const POOL_COLUMNS: readonly Column[] = [
  { title: 'Pool' },
  { title: 'Running', isFigure: true },
  { title: 'Waiting', isFigure: true },
];

/** Request tasks of the process that answers: no other process has them. */
export function Now() {
  const now = useView('now');
  if (now === undefined) return <Reading what="the tasks of this process" />;
  const { host, pid, tasks, running } = now;
  return (
    <>
      <p class="lead">
        Request tasks of process {pid} on {host}, which answers this page. Other processes have their own.
      </p>
      <Counts counts={now.counts} />
      <section aria-labelledby="pools">
        <h2 id="pools">Pools</h2>
        <Pools pools={now.pools} />
      </section>
      <section aria-labelledby="running">
        <h2 id="running">Running tasks</h2>
        {tasks.length === 0 ? (
          <Empty title="No request task runs">Tasks of requests stand here while they run in this process.</Empty>
        ) : (
          <DataTable caption="Running request tasks" columns={TASK_COLUMNS}>
            {tasks.map((task) => (
              <RequestTaskRow key={task.id} task={task} />
            ))}
          </DataTable>
        )}
        {running > tasks.length && (
          <p class="soft">
            The newest {tasks.length} of {numberText(running)} are shown.
          </p>
        )}
      </section>
    </>
  );
}

function Counts({ counts }: Pick<NowView, 'counts'>) {
  return (
    <section aria-labelledby="counts">
      <h2 id="counts">Since it started</h2>
      <dl class="counters">
        {Object.entries(counts).map(([name, count]) => (
          <div key={name}>
            <dt>{wordsOf(name)}</dt>
            <dd>{numberText(count)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Returns the name of a count in words: `retryFailed` is `retry failed`. */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function Pools({ pools }: Pick<NowView, 'pools'>) {
  if (pools.length === 0) return <Empty title="No pools">Pools of the module stand here, with what they run.</Empty>;
  return (
    <DataTable caption="Pools of this process" columns={POOL_COLUMNS}>
      {pools.map(({ name, concurrency, running, waiting }) => (
        <tr key={name}>
          <th scope="row" class="name">
            {name}
          </th>
          <td class="figure">
            {numberText(running)} of {concurrency === undefined ? '∞' : numberText(concurrency)}
          </td>
          <td class="figure">{numberText(waiting)}</td>
        </tr>
      ))}
    </DataTable>
  );
}

const RequestTaskRow = unchanging(({ task }: { readonly task: RequestTaskView }) => {
  const { name, status, timing, isShielded, pool, startedAt } = task;
  return (
    <tr>
      <th scope="row" class="name">
        {name}
        {isShielded && <Badge tone="completed">shielded</Badge>}
      </th>
      <td>
        <Badge tone={status}>{status}</Badge>
      </td>
      <td>{timing}</td>
      <td>{pool}</td>
      <td class="when">
        <Moment at={startedAt} />
      </td>
    </tr>
  );
});
