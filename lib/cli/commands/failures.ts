import type { FailureView } from '../../operations/api.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { shownNumber, shownTime } from '../shown-values.js';
import type { Column } from '../table.js';

const COLUMNS: readonly Column<FailureView>[] = [
  { title: 'COUNT', cell: ({ count }) => shownNumber(count), align: 'right' },
  { title: 'TASK', cell: ({ task }) => task },
  { title: 'FIRST', cell: ({ first }) => shownTime(first) },
  { title: 'LAST', cell: ({ last }) => shownTime(last) },
  { title: 'EXAMPLE', cell: ({ example }) => example },
  { title: 'ERROR', cell: ({ error }) => `${error.name}: ${error.message}`, style: () => 'red' },
];

export function failures(session: Session, { since }: { readonly since?: string }): Promise<ExitCode> {
  return session.inQueue(async ({ views }) => {
    const groups = await views.failures({ since });
    if (session.isJson) session.terminal.json(groups);
    else if (groups.length === 0) session.terminal.line('No failures.');
    else session.terminal.table(COLUMNS, groups);
    return EXIT.done;
  });
}
