import type { DepthView, PauseView, StatsView } from '../../operations/api.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { shownText } from '../shown-text.js';
import { shownDuration, shownNumber, shownTime } from '../shown-values.js';
import type { Column } from '../table.js';
import type { Terminal } from '../terminal.js';

type Row = DepthView & { readonly task: string };

const count = (name: 'scheduled' | 'waiting' | 'parked' | 'running' | 'retrying'): Column<Row> => ({
  title: name.toUpperCase(),
  cell: (row) => shownNumber(row[name]),
  align: 'right',
});

const COLUMNS: readonly Column<Row>[] = [
  { title: 'TASK', cell: ({ task }) => task },
  count('scheduled'),
  count('waiting'),
  count('parked'),
  count('running'),
  count('retrying'),
  { title: 'OLDEST WAIT', cell: ({ oldestWait }) => shownDuration(oldestWait), align: 'right' },
];

export function stats(session: Session): Promise<ExitCode> {
  return session.inQueue(async ({ views }) => {
    const [view, pause] = await Promise.all([views.stats(), views.pause()]);
    if (session.isJson) session.terminal.json(view);
    else writeStats(session.terminal, view, pause);
    return EXIT.done;
  });
}

export function writeStats(terminal: Terminal, { tasks, total }: StatsView, pause: PauseView | undefined): void {
  if (pause !== undefined) writePause(terminal, pause);
  const rows = Object.entries(tasks).toSorted(([a], [b]) => (a < b ? -1 : 1));
  terminal.table(COLUMNS, [...rows.map(([task, depth]) => ({ task, ...depth })), { task: 'total', ...total }]);
}

function writePause(terminal: Terminal, { since, reason, by }: PauseView & { readonly by?: string }): void {
  const who = by === undefined ? '' : ` by ${shownText(by)}`;
  const why = reason === undefined ? '' : `: ${shownText(reason)}`;
  terminal.line(terminal.paint('yellow', `Paused since ${shownTime(since)}${who}${why}`));
}
