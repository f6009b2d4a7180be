import type { LimitView } from '../../operations/api.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { shownNumber } from '../shown-values.js';
import type { Column } from '../table.js';

const COLUMNS: readonly Column<LimitView>[] = [
  { title: 'OWNER', cell: ({ owner }) => owner },
  { title: 'PARAMETER', cell: ({ parameter = '' }) => parameter },
  { title: 'VALUE', cell: ({ parameter, value }) => value ?? (parameter === undefined ? '' : '(hidden)') },
  { title: 'HELD', cell: ({ holding, max }) => `${shownNumber(holding)}/${shownNumber(max)}`, align: 'right' },
  { title: 'WAITING', cell: ({ waiting }) => shownNumber(waiting), align: 'right' },
  { title: 'HOLDERS', cell: ({ holders }) => holders.join(', ') },
];

export function limits(session: Session, { showValues = false }: { readonly showValues?: boolean }): Promise<ExitCode> {
  return session.inQueue(async ({ views }) => {
    const pools = await views.limits({ showValues });
    if (session.isJson) session.terminal.json(pools);
    else if (pools.length === 0) session.terminal.line('No limit has holders or waiters.');
    else session.terminal.table(COLUMNS, pools);
    return EXIT.done;
  });
}
