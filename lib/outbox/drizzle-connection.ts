import type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
import type { DrizzleHandle } from './drizzle-handle.js';
import { drizzleSql } from './drizzle-sql.js';
import { isObject } from './library-object.js';
import { withoutValues } from './without-values.js';

/** Statements of SQLite for `all()`, which better-sqlite3 refuses for others. */
const RETURNS_ROWS = /^\s*(select|with|values|pragma)\b|\breturning\b/i;

/** Names of the number of changed rows: of pg, of postgres.js, of mysql2 and PGlite, of libSQL, of better-sqlite3. */
const COUNTS = ['rowCount', 'count', 'affectedRows', 'rowsAffected', 'changes'];

/** Never a promise before the statement: a transaction of better-sqlite3 ends before its first one is settled. */
export function drizzleConnection(db: DrizzleHandle, dialect: OutboxDatabase['dialect']): OutboxConnection {
  // postgres.js writes a JSON document or a truth value by the type of its place, and not as the text that it is.
  const cast = typeof db.session.client === 'function' && dialect === 'postgres' ? '?::text' : '?';
  const run = (method: 'all' | 'run', statement: string, parameters: readonly OutboxValue[]) =>
    withoutValues(statement, async () => {
      const sql = drizzleSql(statement.replaceAll('?', cast), parameters);
      return dialect === 'sqlite' ? db[method](sql) : db.execute(sql);
    });
  return {
    query: async (statement, parameters) =>
      rowsOf(dialect, await run(RETURNS_ROWS.test(statement) ? 'all' : 'run', statement, parameters)),
    execute: async (...statement) => countOf(dialect, await run('run', ...statement)),
  };
}

function rowsOf(dialect: OutboxDatabase['dialect'], result: unknown): readonly OutboxRow[] {
  const rows = dialect === 'mysql' && Array.isArray(result) ? (result[0] as unknown) : result;
  if (Array.isArray(rows)) return Array.from(rows as OutboxRow[]); // that of postgres.js has more than the rows
  return isObject(rows) && Array.isArray(rows.rows) ? (rows.rows as OutboxRow[]) : [];
}

/** Returns the number of changed rows under the name that the driver has for it. */
function countOf(dialect: OutboxDatabase['dialect'], result: unknown): number {
  const header = dialect === 'mysql' && Array.isArray(result) ? (result[0] as unknown) : result;
  if (!isObject(header)) return 0;
  const count = COUNTS.map((name) => header[name]).find((value) => value !== undefined && value !== null);
  return Number(count ?? 0);
}
