import type { OutboxConnection } from '../queue/broker/outbox/outbox-database.js';
import { transactionEnded } from './outbox-errors.js';

/**
 * Returns the connection of a transaction as long as that is open. A statement after its end would be one by itself, or of
 * the next transaction on that connection.
 */
export function whileOpen(isOpen: () => boolean, connection: OutboxConnection): OutboxConnection | undefined {
  if (!isOpen()) return undefined;
  return {
    query: async (...statement) => {
      if (!isOpen()) throw transactionEnded();
      return connection.query(...statement);
    },
    execute: async (...statement) => {
      if (!isOpen()) throw transactionEnded();
      return connection.execute(...statement);
    },
  };
}
