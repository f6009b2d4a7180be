import type { FailureView } from '../../../operations/api.js';
import { useSource } from '../client/source.js';
import { useView } from '../client/use-view.js';
import { ExecutionTabs } from '../executions/execution-tabs.js';
import { DataTable, Empty, type Column } from '../parts/data-table.js';
import { Moment } from '../parts/moment.js';
import { numberText } from '../parts/number.js';
import { TextField } from '../parts/text-field.js';
import { unchanging } from '../parts/unchanging.js';
import { Reading } from '../parts/reading.js';
import { Link } from '../place/link.js';
import { go, hrefOf, place } from '../place/place.js';

const COLUMNS: readonly Column[] = [
  { title: 'Count', isFigure: true },
  { title: 'Task' },
  { title: 'Error' },
  { title: 'First' },
  { title: 'Last' },
  { title: 'Example' },
];

/** Failed executions by task and kind of error, the most frequent first. */
export function Failures() {
  const since = useSource(place).query.get('since') ?? '';
  const groups = useView('failures');
  return (
    <>
      <ExecutionTabs current="failures" />
      <search class="filters" aria-label="Filter of the failures">
        <div class="fields">
          <TextField
            label="Failed since"
            value={since}
            onCommit={(value) => go(hrefOf('failures', { since: value }))}
            input={{ placeholder: '1h' }}
          />
          {since !== '' && <Link to="failures">Show all</Link>}
        </div>
      </search>
      {groups === undefined ? <Reading what="the failures" /> : <Groups groups={groups} since={since} />}
    </>
  );
}

function Groups({ groups, since }: { readonly groups: readonly FailureView[]; readonly since: string }) {
  if (groups.length === 0) {
    return <Empty title="No failures">Executions that failed stand here, grouped by task and kind of error.</Empty>;
  }
  return (
    <DataTable caption="Failures by task and kind of error" columns={COLUMNS}>
      {groups.map((group) => (
        <FailureRow key={JSON.stringify([group.task, group.error])} group={group} since={since} />
      ))}
    </DataTable>
  );
}

interface FailureRowProps {
  readonly group: FailureView;
  readonly since: string;
}

const FailureRow = unchanging(({ group, since }: FailureRowProps) => {
  const { task, error, count, first, last, example } = group;
  return (
    <tr>
      <td class="figure">{numberText(count)}</td>
      <td class="name">
        <Link to="executions" query={{ state: 'failed', task, kind: `${error.name}: ${error.message}`, since }}>
          {task}
        </Link>
      </td>
      <td class="why">
        <span class="error-text">
          {error.name}: {error.message}
        </span>
      </td>
      <td class="when">
        <Moment at={first} />
      </td>
      <td class="when">
        <Moment at={last} />
      </td>
      <td class="key">
        <Link to="execution" query={{ key: example }}>
          {example}
        </Link>
      </td>
    </tr>
  );
});
