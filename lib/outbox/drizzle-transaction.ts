import type { OutboxConnection } from '../queue/broker/outbox/outbox-database.js';
import type { DrizzleHandle } from './drizzle-handle.js';
import { has, isObject, type LibraryObject } from './library-object.js';
import { whileOpen } from './while-open.js';

/** Refused by PostgreSQL outside of a transaction. */
const PROBE = 'SAVEPOINT nestjs_tasks; RELEASE SAVEPOINT nestjs_tasks';

/**
 * Returns the connection of a transaction that is open, as its driver tells it. Drizzle itself does not. postgres.js does not
 * either, and older versions of pg: there, the server is asked.
 */
export function openOf(
  transaction: DrizzleHandle,
  connection: OutboxConnection,
): OutboxConnection | undefined | Promise<OutboxConnection | undefined> {
  const { client, tx } = transaction.session;
  const isHeld = stateOf(client, tx);
  if (isHeld !== undefined) return whileOpen(isHeld, connection);
  return connection.execute(PROBE, []).then(
    () => connection,
    () => undefined,
  );
}

function stateOf(client: LibraryObject, tx: unknown): (() => boolean) | undefined {
  if (isObject(tx)) return () => tx['closed'] !== true; // libSQL
  if (typeof client['inTransaction'] === 'boolean') return () => client['inTransaction'] === true; // better-sqlite3
  if (has(client, 'getTransactionStatus')) {
    const pg = client as unknown as { getTransactionStatus(): string | null };
    return () => pg.getTransactionStatus() === 'T';
  }
  if (!has(client, 'beginTransaction')) return undefined;
  // mysql2. Versions that do not tell which connections are in the pool again have nothing to tell by.
  const { connection } = client;
  return () => !isObject(connection) || Reflect.get(connection, '_released') !== true;
}
