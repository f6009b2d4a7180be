import { useSource } from '../client/source.js';
import { useCanWrite } from '../client/use-action.js';
import { useView } from '../client/use-view.js';
import { DataTable, Empty } from '../parts/data-table.js';
import { clockText } from '../parts/moment.js';
import { Reading } from '../parts/reading.js';
import { place, servedQuery } from '../place/place.js';
import { BulkActions } from './bulk-actions.js';
import { filterOf, filterText } from './execution-filter.js';
import { EXECUTION_COLUMNS, ExecutionRow } from './execution-row.js';
import { ExecutionTabs } from './execution-tabs.js';
import { Filters } from './filters.js';
import { useLaterPages } from './later-pages.js';

/** Executions that match, the first page of them live. */
export function Executions() {
  const current = useSource(place);
  const canWrite = useCanWrite();
  const filter = filterOf(current.query);
  return (
    <>
      <ExecutionTabs current="executions" />
      <Filters query={current.query} />
      {canWrite && <BulkActions filter={filter} />}
      <ExecutionList query={servedQuery(current)} words={filterText(filter)} />
    </>
  );
}

function ExecutionList({ query, words }: { readonly query: string; readonly words: string }) {
  const page = useView('executions');
  const { pages, isBusy, problem, more, drop } = useLaterPages(query);
  if (page === undefined) return <Reading what="the executions" />;
  const shown = new Set(page.executions.map(({ id }) => id));
  const later = (pages?.executions ?? []).filter(({ id }, at, all) => {
    return !shown.has(id) && all.findIndex((other) => other.id === id) === at;
  });
  const hasMore = (pages === undefined ? page.cursor : pages.cursor) !== undefined;
  const isEmpty = page.executions.length + later.length === 0;
  return (
    <section aria-label="Executions that match">
      {isEmpty ? (
        <NoExecutions words={words} hasMore={hasMore} />
      ) : (
        <DataTable caption={words === '' ? 'All executions' : `Executions: ${words}`} columns={EXECUTION_COLUMNS}>
          {[...page.executions, ...later].map((execution) => (
            <ExecutionRow key={execution.id} execution={execution} />
          ))}
        </DataTable>
      )}
      <div class="after-table">
        {hasMore && (
          <button type="button" aria-disabled={isBusy} onClick={() => void more(page)}>
            Load more
          </button>
        )}
        {pages !== undefined && (
          <p class="soft">
            The first {page.executions.length} are live, the others as of {clockText(pages.readAt)}.{' '}
            <button type="button" class="link" onClick={drop}>
              Show the live ones only
            </button>
          </p>
        )}
        <p role="status">{problem}</p>
      </div>
    </section>
  );
}

function NoExecutions({ words, hasMore }: { readonly words: string; readonly hasMore: boolean }) {
  if (hasMore) return <Empty title="None in the first part">More may match: load the next part.</Empty>;
  if (words !== '') return <Empty title="No execution matches">The filter is: {words}.</Empty>;
  return (
    <Empty title="No executions yet">
      What your code adds to the queue stands here: first what has not ended, then what has.
    </Empty>
  );
}
