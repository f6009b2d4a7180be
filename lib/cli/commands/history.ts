import { executionQueryOf } from '../../operations/execution-query.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { ENDED_COLUMNS } from './execution-table.js';
import { filterOf, type FilterOptions } from './filter-options.js';

export type HistoryOptions = FilterOptions & { readonly limit: string; readonly cursor?: string };

export function history(session: Session, options: HistoryOptions): Promise<ExitCode> {
  const filter = filterOf(options);
  const { limit, cursor } = executionQueryOf({ limit: options.limit, cursor: options.cursor });
  return session.inQueue(async ({ views }) => {
    const query = { ...filter, ...(limit !== undefined && { limit }), ...(cursor !== undefined && { cursor }) };
    const page = await views.executions(query);
    if (session.isJson) session.terminal.json(page);
    else if (page.executions.length === 0) session.terminal.line('No ended executions.');
    else session.terminal.table(ENDED_COLUMNS, page.executions);
    if (!session.isJson && page.cursor !== undefined) session.terminal.note(`More: --cursor ${page.cursor}`);
    return EXIT.done;
  });
}
