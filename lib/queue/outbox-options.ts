import { KnownOptions } from '../task/known-options.js';
import type { OutboxDatabase } from './broker/outbox/outbox-database.js';
import { hidden } from './hidden-option.js';

/**
 * Options of the outbox.
 *
 * @publicApi
 */
export interface OutboxOptions {
  /** Database of the application: what `fromPg()`, `fromTypeOrm()` and so on of `nestjs-tasks/outbox` return. */
  database: OutboxDatabase;
}

const OUTBOX = new KnownOptions<OutboxOptions>({ database: true }, { executor: 'database', url: 'database' });
const OUTBOX_ALLOWED =
  'an object with database: what fromPg(), fromTypeOrm() or another of nestjs-tasks/outbox returns';

/** @throws {TasksConfigError} when it cannot be used. */
export function outboxOf(outbox: unknown): OutboxDatabase | undefined {
  if (outbox === undefined) return undefined;
  if (typeof outbox !== 'object' || outbox === null) throw hidden('queue.outbox', outbox, OUTBOX_ALLOWED);
  OUTBOX.check(outbox, 'queue.outbox');
  const { database } = outbox as Partial<OutboxOptions>;
  const isFit =
    typeof database === 'object' &&
    (database as OutboxDatabase | null) !== null &&
    ['postgres', 'mysql', 'sqlite'].includes(database.dialect) &&
    [database.query, database.execute, database.within].every((part) => typeof part === 'function');
  if (!isFit) throw hidden('queue.outbox.database', database, OUTBOX_ALLOWED);
  return database;
}
