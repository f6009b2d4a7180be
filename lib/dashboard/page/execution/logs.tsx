import type { LogLineView } from '../../../operations/api.js';
import { DataTable, Empty, type Column } from '../parts/data-table.js';
import { Clock } from '../parts/moment.js';
import { unchanging } from '../parts/unchanging.js';

const COLUMNS: readonly Column[] = [
  { title: 'Time' },
  { title: 'Level' },
  { title: 'Attempt', isFigure: true },
  { title: 'Message' },
];

/** Lines that `context.logger` wrote, where the queue keeps them. */
export const Logs = unchanging(({ logs }: { readonly logs: readonly LogLineView[] }) => {
  if (logs.length === 0) {
    return (
      <Empty title="No lines are kept">
        Lines of context.logger stand here where the module sets how many to keep: queue: {'{ logs: 50 }'}.
      </Empty>
    );
  }
  return (
    <DataTable caption="Lines of its log" columns={COLUMNS}>
      {logs.map(({ at, level, attempt, message }, index) => (
        <tr key={index}>
          <td class="when">
            <Clock at={at} />
          </td>
          <td>{level}</td>
          <td class="figure">{attempt}</td>
          <td class="log-message">{message}</td>
        </tr>
      ))}
    </DataTable>
  );
});
