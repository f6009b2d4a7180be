import type { Pool } from 'pg';
import { readLivePosition, writeLivePosition, type LiveFilter, type LiveLook } from '../../live.js';
import { PAGE_LOOKS, type LivePart } from '../backlog.js';
import { encodePrefix } from '../encoded-key.js';
import { needleOf } from '../ended-index.js';
import { placesOf } from '../live-places.js';
import { summarizedOf, type JobRow } from './postgres-jobs.js';
import { LIST_LIVE } from './sql.generated.js';

/** Job in the order of the list, beside the last one that was looked at. There may be no job. */
interface PageRow extends Omit<JobRow, 'id'> {
  readonly id: string | null;
  readonly place: number;
  readonly page_rank: string;
  readonly page_tie: string;
  readonly looks: number;
  readonly last_place: number;
  readonly last_rank: string;
  readonly last_tie: string;
  readonly last_id: string;
}

/** Lists jobs that have not ended, in one statement that looks at so many at most. */
export async function readPostgresPage(
  pool: Pool,
  queue: string,
  filter: LiveFilter,
  { limit, cursor }: LiveLook,
  now: number,
): Promise<LivePart> {
  const { states, task, keyPrefix, error, worker } = filter;
  const places = placesOf(filter, now);
  const from = cursor === undefined ? undefined : readLivePosition(cursor);
  const isAll = [states, task, keyPrefix, error, worker].every((condition) => condition === undefined);
  const most = isAll ? limit + 1 : PAGE_LOOKS;
  const { rows } = await pool.query<PageRow>(
    LIST_LIVE,
    [
      queue,
      limit,
      most,
      from?.place ?? 0,
      from?.order ?? 0,
      from?.tie ?? 0,
      from?.id ?? '',
      places.active,
      places.waiting,
      places.delayed?.from ?? 1,
      places.delayed?.to ?? 0,
      task ?? null,
      keyPrefix === undefined ? null : encodePrefix(keyPrefix),
      error === undefined ? null : needleOf(error),
      worker ?? null,
    ].map(ceiled),
  );
  const [first] = rows;
  if (first === undefined) return { jobs: [] };
  const found = rows.filter((row): row is PageRow & JobRow => row.id !== null);
  const last = found.length === limit ? found.at(-1) : undefined;
  const jobs = found.map(summarizedOf);
  const isLast = first.looks < most && (last === undefined || last.id === first.last_id);
  if (isLast) return { jobs };
  const end =
    last === undefined
      ? { place: first.last_place, order: first.last_rank, tie: first.last_tie, id: first.last_id }
      : { place: last.place, order: last.page_rank, tie: last.page_tie, id: last.id };
  return { jobs, cursor: writeLivePosition({ ...end, order: Number(end.order), tie: Number(end.tie) }) };
}

/** Times may have fractions, which the database does not keep. */
function ceiled(value: unknown): unknown {
  return typeof value === 'number' ? Math.ceil(value) : value;
}
