import type { Pool } from 'pg';
import type { TaskDepth } from '../../queue-depth.js';
import { PARKED_UNTIL } from '../backlog.js';
import { DEPTHS, ROUGH_DEPTHS } from './sql.generated.js';

type Row = Readonly<Record<Exclude<keyof TaskDepth, 'oldestDue'>, string>> & { readonly oldest_due: string | null };

/** Class of errors of values that cannot be read, such as damaged JSON. */
const DATA_EXCEPTION = '22';

/** Counts executions that have not ended by task, in one statement. */
export async function readPostgresDepths(pool: Pool, queue: string): Promise<TaskDepth[]> {
  const values = [queue, Date.now(), PARKED_UNTIL];
  const read = async (statement: string): Promise<TaskDepth[]> =>
    (await pool.query<Row>(statement, values)).rows.map(depthOf);
  try {
    return await read(DEPTHS);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== 'string' || !code.startsWith(DATA_EXCEPTION)) throw error;
    return read(ROUGH_DEPTHS);
  }
}

function depthOf(row: Row): TaskDepth {
  return {
    name: row.name,
    scheduled: Number(row.scheduled),
    waiting: Number(row.waiting),
    parked: Number(row.parked),
    running: Number(row.running),
    retrying: Number(row.retrying),
    oldestDue: row.oldest_due === null ? undefined : Number(row.oldest_due),
  };
}
