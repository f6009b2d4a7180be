import type { WorkerView } from '../../operations/api.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { shownTime } from '../shown-values.js';
import type { Column } from '../table.js';

const COLUMNS: readonly Column<WorkerView>[] = [
  { title: 'WORKER', cell: ({ id }) => id },
  { title: 'HOST', cell: ({ host }) => host },
  { title: 'PID', cell: ({ pid }) => String(pid), align: 'right' },
  { title: 'RUNNING', cell: ({ running, concurrency }) => `${running}/${concurrency}`, align: 'right' },
  { title: 'STARTED', cell: ({ startedAt }) => shownTime(startedAt) },
  { title: 'TASKS', cell: ({ tasks }) => tasks.join(', ') },
];

export function workers(session: Session): Promise<ExitCode> {
  return session.inQueue(async ({ views }) => {
    const list = await views.workers();
    if (session.isJson) session.terminal.json(list);
    else if (list.length === 0) session.terminal.line('No workers.');
    else session.terminal.table(COLUMNS, list);
    return EXIT.done;
  });
}
