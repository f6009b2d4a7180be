/** Number of runs of a statement. */
const MOST_RUNS = 10;
/** Error codes of PostgreSQL, MySQL and Prisma for a statement that was undone in favour of another. */
const CODES: ReadonlySet<unknown> = new Set(['40001', '40P01', 'ER_LOCK_DEADLOCK', 'P2034']);
const TEXT = /could not serialize|deadlock/i;

/**
 * Runs a statement that is a transaction of its own, and runs it again when the database has undone it in favour of another:
 * as in a deadlock, and where transactions are serializable by default.
 */
export async function retryConflicts<R>(run: () => Promise<R>): Promise<R> {
  for (let runs = 1; ; runs += 1) {
    try {
      return await run();
    } catch (error) {
      if (runs === MOST_RUNS || !isConflict(error)) throw error;
    }
  }
}

/** Tells a conflict from the error of any library, which may have wrapped it. */
function isConflict(error: unknown): boolean {
  const { code, message, cause } = (error ?? {}) as { code?: unknown; message?: unknown; cause?: unknown };
  if (CODES.has(code) || (typeof message === 'string' && TEXT.test(message))) return true;
  return cause !== undefined && cause !== error && isConflict(cause);
}
