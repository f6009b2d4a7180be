import type { StrikeView } from '../../operations/api.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { shownTime } from '../shown-values.js';
import type { Column } from '../table.js';

const COLUMNS: readonly Column<StrikeView>[] = [
  { title: 'ON', cell: ({ text }) => text },
  { title: 'MODE', cell: ({ mode }) => mode },
  { title: 'SINCE', cell: ({ since }) => shownTime(since) },
  { title: 'EXPIRES', cell: ({ expiresAt }) => shownTime(expiresAt) },
  { title: 'BY', cell: ({ by = '' }) => by },
  { title: 'REASON', cell: ({ reason = '' }) => reason },
];

export function strikes(session: Session): Promise<ExitCode> {
  return session.inQueue(async ({ views }) => {
    const list = (await views.strikes()).toSorted((a, b) => (a.since < b.since ? -1 : 1));
    if (session.isJson) session.terminal.json(list);
    else if (list.length === 0) session.terminal.line('No strikes.');
    else session.terminal.table(COLUMNS, list);
    return EXIT.done;
  });
}
