import { TasksConfigError, TasksError } from '../task/task-errors.js';

/**
 * Statement of the outbox that was not run, so that it does not run in the wrong place: its transaction has ended before
 * it, or the application has held a transaction open for too long on the only connection.
 *
 * @publicApi
 */
export class OutboxTransactionError extends TasksError {
  readonly code = 'OUTBOX_TRANSACTION';
}

/** Creates the error for a statement that comes after the end of its transaction. */
export function transactionEnded(): OutboxTransactionError {
  return new OutboxTransactionError(
    'The transaction ended before the task was written, so nothing was added. Await queue.add() before the transaction ends.',
  );
}

/** Creates the error for an application whose transaction stays open. @param limit in milliseconds. */
export function transactionStays(limit: number): OutboxTransactionError {
  return new OutboxTransactionError(
    `The outbox waited ${limit} ms for the end of a transaction on its SQLite connection. Shorten the transaction, or give the outbox a connection of its own.`,
  );
}

/** Names of the databases that an outbox can lie in. */
export const DATABASES = 'PostgreSQL, MySQL, MariaDB and SQLite';

/** Creates the error for a library that is connected to another database. @param where argument, such as `fromKnex(knex)`. */
export function databaseUnsupported(where: string, value: unknown, dialect: string): TasksConfigError {
  return new TasksConfigError(where, value, DATABASES, `connected by the dialect '${dialect}'`);
}
